import { checkLevel, type Codec } from "./codec.ts";
import { encodeBlocks } from "./encode_blocks.ts";
import { type ByteTransform, transformWith } from "./transform_with.ts";
import { unzstd } from "./unzstd.ts";

/** Input bytes per frame: what a launcher decodes on one core at a time. */
const FRAME_SIZE = 8 * 1024 * 1024;

/** Zstandard (RFC 8878) as a sequence of independent frames. */
export const zstdCodec: Codec = {
  name: "zstd",
  encode(options = {}): ByteTransform {
    const { level = 3, compressor } = options;
    checkLevel("zstd", level, 22);
    return transformWith((input) =>
      encodeBlocks(input, {
        kind: "zstd",
        level,
        blockSize: FRAME_SIZE,
        ...(compressor === undefined ? {} : { compressor }),
      })
    );
  },
  decode(limits = {}): ByteTransform {
    return transformWith((input) => unzstd(input, limits));
  },
};
