import type { Host } from "../host/types.ts";
import type { Output } from "./output.ts";

/** What every command works with. */
export interface CommandContext {
  /** The machine. */
  readonly host: Host;
  /** Where results and notes go. */
  readonly output: Output;
}
