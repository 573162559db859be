import {
  closeSync,
  mkdirSync,
  openSync,
  readSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const MIXED_SIZE = 100_000_000;
const SMALL_FILES = 20_000;

/**
 * Cuts a large binary into files of 1 KB to 4 MB, 100 MB in all: content that
 * compresses like real programs, the same each time.
 *
 * @param root Absolute path of the directory to make.
 * @param source Absolute path of the binary.
 */
export function writeMixedTree(root: string, source: string): void {
  const input = openSync(source, "r");
  try {
    let offset = 0;
    let written = 0;
    for (let at = 0; written < MIXED_SIZE; at++) {
      const size = Math.min(1000 << (at % 13), MIXED_SIZE - written);
      const buffer = new Uint8Array(size);
      const count = readSync(input, buffer, 0, size, offset);
      if (count === 0) {
        offset = 0;
        continue;
      }
      offset += count;
      written += count;
      const directory = join(root, `part-${at % 20}`);
      mkdirSync(directory, { recursive: true });
      writeFileSync(
        join(directory, `file-${at}.bin`),
        buffer.subarray(0, count),
      );
    }
  } finally {
    closeSync(input);
  }
}

/**
 * Writes 20,000 files of about 1 KB in 200 directories.
 *
 * @param root Absolute path of the directory to make.
 * @returns How many files there are.
 */
export function writeSmallFiles(root: string): number {
  for (let at = 0; at < SMALL_FILES; at++) {
    const directory = join(root, `d${at % 200}`);
    if (at < 200) mkdirSync(directory, { recursive: true });
    writeFileSync(
      join(directory, `module-${at}.js`),
      `export const value = ${at};\n`.repeat(40),
    );
  }
  return SMALL_FILES;
}
