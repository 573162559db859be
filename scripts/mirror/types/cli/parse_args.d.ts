export interface ParseOptions {
  "--"?: boolean;
  alias?: Record<string, string | readonly string[]>;
  boolean?: boolean | string | readonly string[];
  collect?: string | readonly string[];
  default?: Record<string, unknown>;
  negatable?: string | readonly string[];
  stopEarly?: boolean;
  string?: string | readonly string[];
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

export type Args = Record<string, unknown> & {
  _: Array<string | number>;
  "--"?: string[];
};

export declare function parseArgs(args: string[], options?: ParseOptions): Args;
