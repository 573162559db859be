import type { TempDir } from "../../support/temp_dir.ts";

/**
 * Writes a project of noise, which takes a while to compress.
 *
 * @param dir Where.
 * @param size Bytes of noise.
 * @returns Path of the manifest.
 */
export async function writeBigProject(
  dir: TempDir,
  size: number,
): Promise<string> {
  const noise = new Uint8Array(size);
  for (let at = 0; at < noise.length; at += 65_536) {
    crypto.getRandomValues(noise.subarray(at, at + 65_536));
  }
  await dir.write("noise", noise);
  return await dir.write(
    "flavor.toml",
    `package = { name = "big", version = "1" }
execution = { command = "true" }
slots = [{ id = "noise", source = "noise", target = "noise", operations = "zstd", level = 19 }]
`,
  );
}
