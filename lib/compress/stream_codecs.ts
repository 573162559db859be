import { BlockPool, cutBlocks } from "../io/block_pool.ts";
import type { Codec } from "./codec.ts";
import { encodeBlocks } from "./encode_blocks.ts";
import { OutputLimit } from "./output_limit.ts";
import { checkLevel, encodeWith, transformWith } from "./transform_with.ts";
import { decodeInWasm } from "./wasm_codecs.ts";

/** The xz container: independent streams, so that all cores compress. */
export const xzCodec: Codec = streamCodec("xz", {
  level: 6,
  blockSize: 4 * 1024 * 1024,
});

/** bzip2: independent streams of four of its own blocks. */
export const bzip2Codec: Codec = streamCodec("bzip2", {
  level: 9,
  blockSize: 4 * 890_000,
});

/**
 * A codec whose blocks are complete streams, one behind the other. Their sizes
 * are those of `native/crates/pspf-codecs`, so that every packer gives the same
 * bytes.
 */
function streamCodec(
  name: "xz" | "bzip2",
  defaults: { readonly level: number; readonly blockSize: number },
): Codec {
  const codec: Codec = {
    name,
    maxLevel: 9,
    encode: (options) => encodeWith(codec, options),
    encodeBlocks(
      blocks,
      { level = defaults.level, pool, ...rest },
    ): ReturnType<Codec["encodeBlocks"]> {
      checkLevel(codec, level);
      async function* given(): AsyncGenerator<Uint8Array> {
        for await (const block of blocks) {
          yield block;
          pool.give(block);
        }
      }
      const own = new BlockPool(defaults.blockSize);
      const cut = cutBlocks(given(), defaults.blockSize, own);
      return encodeBlocks(cut, { ...rest, pool: own, kind: name, level });
    },
    decode: (limits = {}) =>
      transformWith((input) =>
        decodeInWasm(name, input, new OutputLimit(limits))
      ),
  };
  return codec;
}
