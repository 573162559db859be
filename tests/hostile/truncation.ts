/** One package, shorter by one byte at a time. @module */

import type { TestGround } from "./ground.ts";
import { writePackage } from "./package_draft.ts";
import { startWithLauncher } from "./readers/launcher_reader.ts";
import { verifyWithTypeScript } from "./readers/typescript_reader.ts";

/**
 * Cuts a package off at every byte behind its launcher and gives it to both readers.
 *
 * @param launcher The launcher at the front.
 * @param ground Where the package lies.
 * @returns Every length at which a reader did not say `format/not-a-package`.
 */
export async function readTruncated(
  launcher: Uint8Array,
  ground: TestGround,
): Promise<readonly string[]> {
  const complaints: string[] = [];
  const file = writePackage(launcher);
  ground.prepare(file);
  for (let length = file.length - 1; length >= launcher.length; length--) {
    // The kernel refuses to start a file that is open for writing, so it is closed each time.
    await Deno.truncate(ground.file, length);
    const outcomes = [
      await verifyWithTypeScript(file.subarray(0, length)),
      await startWithLauncher(ground.file, { cache: ground.cache }),
    ];
    const codes = outcomes.map(({ code }) => code);
    if (codes.some((code) => code !== "format/not-a-package")) {
      complaints.push(`${length} bytes: ${codes.join(", ")}`);
    }
  }
  return ground.hasContent
    ? [...complaints, "something was written"]
    : complaints;
}
