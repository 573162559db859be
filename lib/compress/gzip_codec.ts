import { checkLevel, type Codec, type EncodeOptions } from "./codec.ts";
import { encodeBlocks } from "./encode_blocks.ts";
import { gunzip } from "./gunzip.ts";
import { findNodeZlib } from "./node_zlib.ts";
import { type ByteTransform, transformWith } from "./transform_with.ts";

/**
 * Blocks do not refer back to each other, because the `node:zlib` of Deno takes
 * no dictionary for it. At this size that costs half a percent.
 */
const BLOCK_SIZE = 1024 * 1024;

/** Also the default: a package is built once and downloaded often. */
const MAX_LEVEL = 9;

/** gzip (RFC 1952), one member, compressed in independent blocks the way `pigz -i` does. */
export const gzipCodec: Codec = {
  name: "gzip",
  blockSize: BLOCK_SIZE,
  encode(options): ByteTransform {
    checkLevel("gzip", options?.level ?? MAX_LEVEL, MAX_LEVEL);
    return transformWith((input) => gzipCodec.encodeChunks(input, options));
  },
  encodeChunks(
    input,
    options = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { level = MAX_LEVEL } = options;
    checkLevel("gzip", level, MAX_LEVEL);
    return gzip(input, level, options);
  },
  decode(limits = {}): ByteTransform {
    return transformWith((input) => gunzip(input, limits));
  },
};

async function* gzip(
  input: AsyncIterable<Uint8Array>,
  level: number,
  { compressor, pool }: EncodeOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield encodeHeader(level);
  const crc32 = findNodeZlib()?.crc32;
  let checksum = 0;
  let size = 0;
  async function* observe(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of input) {
      checksum = crc32?.(chunk, checksum) ?? 0;
      size += chunk.length;
      yield chunk;
    }
  }
  yield* encodeBlocks(observe(), {
    kind: "deflate",
    level,
    blockSize: BLOCK_SIZE,
    ...(compressor === undefined ? {} : { compressor }),
    ...(pool === undefined ? {} : { pool }),
  });
  const trailer = new Uint8Array(8);
  const view = new DataView(trailer.buffer);
  view.setUint32(0, checksum, true);
  view.setUint32(4, size % 2 ** 32, true);
  yield trailer;
}

/**
 * No time, no name and "unknown" as system: a header that zlib writes itself
 * would say on which kind of machine the package was built.
 */
function encodeHeader(level: number): Uint8Array {
  const extraFlags = level === 9 ? 2 : level === 1 ? 4 : 0;
  return Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extraFlags, 0xff);
}
