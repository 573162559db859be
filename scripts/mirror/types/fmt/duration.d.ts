export interface FormatOptions {
  style?: "narrow" | "full" | "digital";
  ignoreZero?: boolean;
}

/** The duration is in milliseconds. */
export declare function format(ms: number, options?: FormatOptions): string;
