/**
 * Writes the archives and compressed streams of the corpus where the native fuzz targets start from:
 *
 *     scripts/dev deno run -P=scripts tests/hostile/write_fuzz_corpus.ts
 *
 * They are not committed; `native/fuzz/seeds` holds the few that `cargo test` replays.
 */

import { sha256 } from "./signing_key.ts";
import { hostileCorpus } from "./generator.ts";
import type { HostileCase } from "./hostile_case.ts";
import { viewOf } from "./package_draft.ts";

const CORPUS = new URL("../../native/fuzz/corpus/", import.meta.url);

/** Larger ones teach a fuzzer nothing new. */
const MAX_SEED_SIZE = 8192;

/** Codes of the last operation, and what the decode target's first byte has to be for them. */
const CHOICES = new Map([[0x10, 0], [0x13, 1], [0x16, 2], [0x1b, 3]]);

/** The stored bytes of the first slot, and its chain. */
function firstSlot(
  hostile: HostileCase,
): { chain: number; stored: Uint8Array } {
  const file = hostile.build({
    launcher: new Uint8Array(8),
    outside: "/outside",
  });
  const index = viewOf(file.subarray(-8196, -4));
  const table = Number(index.getBigUint64(40, true));
  const descriptor = viewOf(file.subarray(table, table + 64));
  const offset = Number(descriptor.getBigUint64(16, true));
  const size = Number(descriptor.getBigUint64(24, true));
  const chain = Number(descriptor.getBigUint64(40, true));
  return { chain, stored: file.slice(offset, offset + size) };
}

function writeSeed(target: string, seed: Uint8Array): void {
  if (seed.length > MAX_SEED_SIZE) return;
  const directory = new URL(`${target}/`, CORPUS);
  Deno.mkdirSync(directory, { recursive: true });
  Deno.writeFileSync(
    new URL(sha256(seed).toString("hex").slice(0, 16), directory),
    seed,
  );
}

for (const hostile of hostileCorpus().filter(({ heavy }) => !heavy)) {
  if (hostile.family === "tar") writeSeed("tar", firstSlot(hostile).stored);
  if (hostile.family !== "compressed") continue;
  const { chain, stored } = firstSlot(hostile);
  writeSeed("decode", new Uint8Array([CHOICES.get(chain) ?? 0, ...stored]));
}
