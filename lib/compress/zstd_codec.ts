import type { Codec } from "./codec.ts";
import { encodeBlocks, type StoredBlock } from "./encode_blocks.ts";
import { checkLevel, encodeWith, transformWith } from "./transform_with.ts";
import { unzstd } from "./unzstd.ts";

const DEFAULT_LEVEL = 3;
const MAX_LEVEL = 22;

/** Zstandard (RFC 8878) as a sequence of independent frames. */
export const zstdCodec: Codec = {
  name: "zstd",
  maxLevel: MAX_LEVEL,
  encode: (options) => encodeWith(zstdCodec, options),
  encodeBlocks(
    blocks,
    { level = DEFAULT_LEVEL, ...rest },
  ): AsyncGenerator<StoredBlock, void, undefined> {
    checkLevel(zstdCodec, level);
    return encodeBlocks(blocks, { ...rest, kind: "zstd", level });
  },
  decode: (limits = {}) => transformWith((input) => unzstd(input, limits)),
};
