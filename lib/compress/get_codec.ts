import { PspfError } from "../errors.ts";
import { Operation, type OperationCode } from "../format/operation.ts";
import type { Codec } from "./codec.ts";
import { gzipCodec } from "./gzip_codec.ts";
import { zstdCodec } from "./zstd_codec.ts";

/** The operations that compress: all but `NONE` and `TAR`. */
export type CompressionCode = Exclude<
  OperationCode,
  typeof Operation.NONE | typeof Operation.TAR
>;

const CODECS: Readonly<Record<CompressionCode, Codec>> = {
  [Operation.GZIP]: gzipCodec,
  [Operation.ZSTD]: zstdCodec,
  [Operation.BZIP2]: missingCodec("bzip2"),
  [Operation.XZ]: missingCodec("xz"),
};

/**
 * Whether an operation compresses.
 *
 * @param code One of `Operation`.
 * @returns `true` when {@linkcode getCodec} has a codec for it.
 *
 * @example Archives are not compressed
 * ```ts
 * import { isCompression } from "@flavor/pspf/compress";
 * import { Operation } from "@flavor/pspf/format";
 * import { assert } from "@std/assert";
 *
 * assert(isCompression(Operation.ZSTD));
 * assert(!isCompression(Operation.TAR));
 * ```
 */
export function isCompression(code: OperationCode): code is CompressionCode {
  return Object.hasOwn(CODECS, code);
}

/**
 * Finds the codec of an operation.
 *
 * @param code A compressing operation.
 * @returns The codec; bzip2 and xz have one that refuses to work.
 *
 * @example There and back
 * ```ts
 * import { getCodec } from "@flavor/pspf/compress";
 * import { Operation } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const gzip = getCodec(Operation.GZIP);
 * const stored = new Blob(["hello"]).stream().pipeThrough(gzip.encode());
 * const plain = stored.pipeThrough(gzip.decode({ maxSize: 5 }));
 * assertEquals(await new Response(plain).text(), "hello");
 * ```
 */
export function getCodec(code: CompressionCode): Codec {
  return CODECS[code];
}

function missingCodec(name: "bzip2" | "xz"): Codec {
  const refuse = (verb: string): never => {
    throw new PspfError(
      "compress/unsupported",
      `Cannot ${verb} ${name}: this version has no ${name} codec`,
      {
        context: { operation: name },
        hint: "Use zstd, or gzip for a package that every launcher can start",
      },
    );
  };
  return {
    name,
    blockSize: 0,
    encodeChunks: () => refuse("compress with"),
    encode: () => refuse("compress with"),
    decode: () => refuse("decompress"),
  };
}
