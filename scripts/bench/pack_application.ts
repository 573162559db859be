import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BenchContext } from "./bench_context.ts";
import { runChecked } from "./run_checked.ts";

/** One slot of a measured package. */
export interface BenchSlot {
  readonly id: string;
  /** Absolute path of a file or directory. */
  readonly source: string;
  readonly target: string;
  /** Operation chain. */
  readonly operations: string;
  readonly permissions?: string;
}

/**
 * Writes a manifest.
 *
 * @param context Where it goes.
 * @param name Name of the application and of the files.
 * @param slots What to pack; the first one is the program.
 * @returns Absolute path of the manifest.
 */
export function writeManifest(
  context: BenchContext,
  name: string,
  slots: readonly BenchSlot[],
): string {
  const directory = context.path(name);
  mkdirSync(directory, { recursive: true });
  const manifest = join(directory, "flavor.json");
  const document = {
    package: { name, version: "1.0.0" },
    execution: { command: `{workenv}/${slots[0]?.target}`, primary_slot: 0 },
    slots: slots.map((slot) => ({ permissions: "0644", ...slot })),
  };
  writeFileSync(manifest, JSON.stringify(document, undefined, 2));
  return manifest;
}

/** The command that packs a manifest, quietly and with a fixed key. */
export function packCommand(
  context: BenchContext,
  manifest: string,
  output: string,
  ...args: readonly string[]
): readonly string[] {
  const fixed = [
    "--launcher-bin",
    context.launcher,
    "--key-seed",
    "bench",
    "--quiet",
  ];
  return context.flavor(
    "pack",
    "--manifest",
    manifest,
    "--output",
    output,
    ...fixed,
    ...args,
  );
}

/**
 * Packs an application.
 *
 * @param context Where it goes.
 * @param name Name of the application.
 * @param slots What to pack; the first one is the program.
 * @returns Absolute path of the package.
 */
export async function packApplication(
  context: BenchContext,
  name: string,
  slots: readonly BenchSlot[],
): Promise<string> {
  const output = context.path(`${name}.psp`);
  await runChecked(
    packCommand(context, writeManifest(context, name, slots), output),
  );
  return output;
}
