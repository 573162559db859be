export interface FormatOptions {
  bits?: boolean;
  /** Multiples of 1024 (KiB) instead of 1000 (kB). */
  binary?: boolean;
  signed?: boolean;
  locale?: boolean | string | string[];
  minimumFractionDigits?: number;
  maximumFractionDigits?: number;
}

export declare function format(num: number, options?: FormatOptions): string;
