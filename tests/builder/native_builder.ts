import { assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { createDenoHost } from "../../lib/host/deno_host.ts";
import { type Outcome, run } from "../e2e/support/processes.ts";
import { cli, type CliOutcome } from "../support/captured_host.ts";
import type { TempDir } from "../support/temp_dir.ts";

/** This machine, as helpers name it. */
export const PLATFORM: string = createDenoHost().machine.platform;

/** A helper that `scripts/build_launcher` installed. */
export function helperPath(role: "launcher" | "builder"): string {
  const name = `flavor-rs-${role}-${PLATFORM}`;
  const path = fileURLToPath(
    new URL(`../../dist/bin/${name}`, import.meta.url),
  );
  if (existsSync(path)) return path;
  const option = role === "builder" ? " --builder" : "";
  throw new Error(
    `There is no ${role} at ${path}; build it with: scripts/build_launcher${option}`,
  );
}

/** How both are called. */
export interface PackOptions {
  /** The manifest, below the directory. */
  readonly manifest?: string;
  readonly launcher?: string;
  readonly jobs?: number;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

function words(output: string, options: PackOptions): readonly string[] {
  const { manifest = "flavor.toml", launcher, jobs, flags } = options;
  return [
    ...["--manifest", manifest, "--output", output],
    ...["--launcher-bin", launcher ?? helperPath("launcher")],
    ...(jobs === undefined ? [] : ["--jobs", String(jobs)]),
    ...(flags ?? ["--key-seed", "seed"]),
  ];
}

/** Packs with the native builder. */
export async function packNatively(
  dir: Pick<TempDir, "path">,
  output: string,
  options: PackOptions = {},
): Promise<Outcome> {
  // Nothing of the caller's own environment may reach either.
  const env = { FLAVOR_LAUNCHER_BIN: "", FLAVOR_LOG_LEVEL: "", ...options.env };
  return await run(helperPath("builder"), words(output, options), {
    cwd: dir.path,
    env,
  });
}

/** Packs with `flavor pack`; what it does beyond the builders is left out. */
export async function packHere(
  dir: Pick<TempDir, "path">,
  output: string,
  options: PackOptions = {},
): Promise<CliOutcome> {
  return await cli(
    ["pack", "--no-preflight", "--json", ...words(output, options)],
    { cwd: dir.path, ...options },
  );
}

/** Packs with both, and expects the same warnings and bytes; gives the bytes. */
export async function packWithBoth(
  dir: TempDir,
  options: PackOptions = {},
  note: string = "",
): Promise<Uint8Array> {
  const here = await packHere(dir, "here.psp", options);
  assertEquals(here.code, 0, `${note} ${here.err}`);
  const native = await packNatively(dir, "native.psp", options);
  assertEquals(native.code, 0, `${note} ${native.stderr}`);
  const warned = native.stderr.split("\n").flatMap((line) =>
    line.startsWith("warning: ") ? [line.slice("warning: ".length)] : []
  );
  assertEquals(warned, JSON.parse(here.out).warnings, note);
  const expected = await Deno.readFile(dir.at("here.psp"));
  const actual = await Deno.readFile(dir.at("native.psp"));
  assertEquals(firstDifference(actual, expected), undefined, note);
  return actual;
}

/** Where two files part; a list of all bytes helps nobody. */
export function firstDifference(
  a: Uint8Array,
  b: Uint8Array,
): string | undefined {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  if (at < 0 && a.length === b.length) return undefined;
  return `byte ${
    at < 0 ? Math.min(a.length, b.length) : at
  } of ${a.length} and ${b.length}`;
}
