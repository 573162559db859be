export interface StringifyOptions {
  keyAlignment?: boolean;
}

export declare function stringify(
  obj: Record<string, unknown>,
  options?: StringifyOptions,
): string;
