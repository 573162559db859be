/**
 * A stand-in for `@std/crypto/crypto`, whose WebAssembly the npm registry does
 * not carry: `crypto.subtle.digest` also hashes streams and iterables, here
 * with node:crypto, for the SHA family.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** The algorithms of the original that this stand-in offers. */
export type DigestAlgorithmName = "SHA-1" | "SHA-256" | "SHA-384" | "SHA-512";

/** What `digest` takes besides bytes. */
type Chunks = AsyncIterable<BufferSource> | Iterable<BufferSource>;

/** The platform's `SubtleCrypto` with a `digest` for streams. */
export interface StdSubtleCrypto extends SubtleCrypto {
  digest(
    algorithm: AlgorithmIdentifier | DigestAlgorithmName,
    data: BufferSource | Chunks,
  ): Promise<ArrayBuffer>;
}

/** The platform's `Crypto` with the extended `subtle`. */
export interface StdCrypto extends Crypto {
  readonly subtle: StdSubtleCrypto;
}

async function digest(
  algorithm: AlgorithmIdentifier,
  data: BufferSource | Chunks,
): Promise<ArrayBuffer> {
  if (data instanceof ArrayBuffer || ArrayBuffer.isView(data)) {
    return await crypto.subtle.digest(algorithm, data);
  }
  const name = typeof algorithm === "string" ? algorithm : algorithm.name;
  const hash = createHash(name.replace("-", "").toLowerCase());
  for await (const chunk of data) {
    hash.update(
      chunk instanceof ArrayBuffer
        ? new Uint8Array(chunk)
        : new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength),
    );
  }
  return new Uint8Array(hash.digest()).buffer;
}

/** Everything of `target`, with its methods bound and `extra` on top. */
function extend<T extends object, E extends object>(
  target: T,
  extra: E,
): T & E {
  return new Proxy(target, {
    get(_, key): unknown {
      if (key in extra) return Reflect.get(extra, key);
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  }) as T & E;
}

const platform = crypto;
const subtle: StdSubtleCrypto = extend(platform.subtle, { digest });
const stdCrypto: StdCrypto = extend(platform, { subtle });

export { stdCrypto as crypto };
