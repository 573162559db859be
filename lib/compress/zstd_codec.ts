import { checkLevel, type Codec } from "./codec.ts";
import { encodeBlocks } from "./encode_blocks.ts";
import { type ByteTransform, transformWith } from "./transform_with.ts";
import { unzstd } from "./unzstd.ts";

/** Input bytes per frame: what a launcher decodes on one core at a time. */
const FRAME_SIZE = 8 * 1024 * 1024;

const DEFAULT_LEVEL = 3;
const MAX_LEVEL = 22;

/** Zstandard (RFC 8878) as a sequence of independent frames. */
export const zstdCodec: Codec = {
  name: "zstd",
  blockSize: FRAME_SIZE,
  encode(options): ByteTransform {
    checkLevel("zstd", options?.level ?? DEFAULT_LEVEL, MAX_LEVEL);
    return transformWith((input) => zstdCodec.encodeChunks(input, options));
  },
  encodeChunks(
    input,
    options = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { level = DEFAULT_LEVEL, ...rest } = options;
    checkLevel("zstd", level, MAX_LEVEL);
    const blockSize = FRAME_SIZE;
    return encodeBlocks(input, { ...rest, kind: "zstd", level, blockSize });
  },
  decode(limits = {}): ByteTransform {
    return transformWith((input) => unzstd(input, limits));
  },
};
