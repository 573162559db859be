/** Reads one case with both readers. @module */

import type { TestGround } from "./ground.ts";
import type { HostileCase } from "./hostile_case.ts";
import { judge } from "./judge.ts";
import { measureMemory, memoryBars } from "./memory_bars.ts";
import {
  startWithLauncher,
  verifyWithLauncher,
} from "./readers/launcher_reader.ts";
import {
  extractWithTypeScript,
  verifyWithTypeScript,
} from "./readers/typescript_reader.ts";

/**
 * Builds a case, reads it four times and looks for damage.
 *
 * @param hostile The case.
 * @param launcher The launcher at the front of the package.
 * @param ground Where it is read.
 * @returns Everything that is wrong, one line each; empty when all is well.
 */
export async function runCase(
  hostile: HostileCase,
  launcher: Uint8Array,
  ground: TestGround,
): Promise<readonly string[]> {
  const file = hostile.build({ launcher, outside: ground.outside });
  ground.prepare(file);
  const options = { cache: ground.cache };
  const typescript = {
    verify: await verifyWithTypeScript(file),
    extract: await extractWithTypeScript(file, ground.out),
  };
  const verified = await verifyWithLauncher(ground.file, options);
  const started = await startWithLauncher(ground.file, options);
  const complaints = [
    ...judge(hostile, {
      typescript,
      launcher: { verify: verified, start: started },
    }),
    ...ground.findDamage(),
  ];
  const { verdict, stage } = hostile.expect;
  if (verdict === "refuse" && stage === "open" && ground.hasContent) {
    complaints.push("something was written before the refusal");
  }
  if (hostile.heavy) complaints.push(...await findExcess(hostile, ground));
  return complaints;
}

async function findExcess(
  hostile: HostileCase,
  ground: TestGround,
): Promise<string[]> {
  const bars = memoryBars(hostile);
  const used = await measureMemory(ground.file, ground.fresh(), ground.cache);
  return (["launcher", "typescript"] as const).filter((reader) =>
    used[reader] > bars[reader]
  )
    .map((reader) => `${reader} used ${used[reader]} bytes of memory`);
}
