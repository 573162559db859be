import { assertEquals } from "@std/assert";

import { cli } from "./captured_host.ts";
import type { TempDir } from "./temp_dir.ts";

/** An ELF header: a program for linux_amd64, and nobody's launcher. */
export function foreignLauncher(machine: number = 62): Uint8Array {
  const elf = new Uint8Array(64);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  elf[18] = machine;
  return elf;
}

/** Packs `flavor.toml` of a directory, signed with a seed. */
export async function packProject(
  dir: TempDir,
  output: string,
  ...flags: readonly string[]
): Promise<void> {
  await dir.write("launcher", foreignLauncher());
  const { code, err } = await cli(
    [
      "pack",
      "--quiet",
      "--launcher-bin",
      "launcher",
      "--output",
      output,
      ...(flags.includes("--key-seed") ? [] : ["--key-seed", "seed"]),
      ...flags,
    ],
    { cwd: dir.path },
  );
  assertEquals(code, 0, err);
}
