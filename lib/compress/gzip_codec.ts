import type { Codec, EncodeBlockOptions } from "./codec.ts";
import { encodeBlocks, type StoredBlock } from "./encode_blocks.ts";
import { gunzip } from "./gunzip.ts";
import { nodeBuiltin } from "../io/node_builtin.ts";
import { checkLevel, encodeWith, transformWith } from "./transform_with.ts";

/** Also the default: a package is built once and downloaded often. */
const MAX_LEVEL = 9;

/**
 * gzip (RFC 1952), one member, its blocks compressed independently the way
 * `pigz -i` does: the `node:zlib` of Deno takes no dictionary for more, and at a
 * block of 1 MiB that costs half a percent.
 */
export const gzipCodec: Codec = {
  name: "gzip",
  maxLevel: MAX_LEVEL,
  encode: (options) => encodeWith(gzipCodec, options),
  encodeBlocks(
    blocks,
    { level = MAX_LEVEL, ...rest },
  ): AsyncGenerator<StoredBlock, void, undefined> {
    checkLevel(gzipCodec, level);
    return gzip(blocks, level, rest);
  },
  decode: (limits = {}) => transformWith((input) => gunzip(input, limits)),
};

async function* gzip(
  blocks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  level: number,
  options: Omit<EncodeBlockOptions, "level">,
): AsyncGenerator<StoredBlock, void, undefined> {
  yield extra(encodeHeader(level));
  const crc32 = nodeBuiltin("node:zlib")?.crc32;
  let checksum = 0;
  let size = 0;
  async function* observe(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for await (const block of blocks) {
      checksum = crc32?.(block, checksum) ?? 0;
      size += block.length;
      yield block;
    }
  }
  yield* encodeBlocks(observe(), { ...options, kind: "deflate", level });
  const trailer = new Uint8Array(8);
  const view = new DataView(trailer.buffer);
  view.setUint32(0, checksum, true);
  view.setUint32(4, size % 2 ** 32, true);
  yield extra(trailer);
}

/** Bytes around the blocks, without content of their own. */
function extra(bytes: Uint8Array<ArrayBuffer>): StoredBlock {
  return { bytes, digest: new Uint8Array(), contentSize: 0 };
}

/**
 * No time, no name and "unknown" as system: a header that zlib writes itself
 * would say on which kind of machine the package was built.
 */
function encodeHeader(level: number): Uint8Array<ArrayBuffer> {
  const extraFlags = level === 9 ? 2 : level === 1 ? 4 : 0;
  return Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extraFlags, 0xff);
}
