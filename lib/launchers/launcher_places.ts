import { join } from "@std/path";

import type { Environment, Machine } from "../host/types.ts";

/** A directory that helpers are looked for in. */
export interface HelperPlace {
  /** What it is, for people. */
  readonly label: string;
  /** Its absolute path. */
  readonly path: string;
}

/** What {@linkcode helperPlaces} has to know about the host. */
export interface PlaceFacts {
  /** Environment variables. */
  readonly env: Environment;
  /** The machine. */
  readonly machine: Pick<Machine, "home" | "checkout" | "platform">;
}

/**
 * Where native helpers may be, the first place first.
 *
 * @param facts Environment and machine.
 * @returns The directories; they need not exist.
 */
export function helperPlaces(facts: PlaceFacts): readonly HelperPlace[] {
  const { checkout } = facts.machine;
  const data = dataDirectory(facts);
  return [
    ...(checkout === undefined ? [] : [{
      label: "this checkout",
      path: join(checkout, "dist", "bin"),
    }]),
    ...(data === undefined ? [] : [{
      label: "your data directory",
      path: join(data, "flavor", "bin"),
    }]),
  ];
}

function dataDirectory({ env, machine }: PlaceFacts): string | undefined {
  const named = machine.platform.startsWith("windows")
    ? env.get("LOCALAPPDATA")
    : env.get("XDG_DATA_HOME");
  if (named !== undefined && named !== "") return named;
  return machine.home === undefined
    ? undefined
    : join(machine.home, ".local", "share");
}
