import type { Host } from "../host/types.ts";

export { loadHost } from "../host/load_host.ts";

/** What packing needs of the machine, once it is given paths. */
export type PackHost = Pick<
  Host,
  "reader" | "writer" | "clock" | "machine" | "env" | "processes"
>;

/** Options of functions that use files. */
export interface HostOptions {
  /** The machine; the one that the program runs on by default. */
  readonly host?: PackHost | undefined;
}
