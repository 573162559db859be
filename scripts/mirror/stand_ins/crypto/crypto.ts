/**
 * A stand-in for `@std/crypto/crypto`, of which the npm registry carries
 * everything but the WebAssembly: `digest` takes iterables like the original,
 * but collects them for WebCrypto, so its memory grows with the input.
 *
 * @module
 */

type Input =
  | BufferSource
  | AsyncIterable<BufferSource>
  | Iterable<BufferSource>;

/** What this project uses of the original's `crypto.subtle`. */
export interface StdSubtleCrypto {
  digest(algorithm: "SHA-256", data: Input): Promise<ArrayBuffer>;
}

/** What this project uses of the original's `crypto`. */
export interface StdCrypto {
  readonly subtle: StdSubtleCrypto;
}

export const crypto: StdCrypto = {
  subtle: {
    async digest(algorithm, data): Promise<ArrayBuffer> {
      const whole = isBufferSource(data)
        ? data
        : await new Blob(await Array.fromAsync(data)).arrayBuffer();
      return await globalThis.crypto.subtle.digest(algorithm, whole);
    },
  },
};

function isBufferSource(data: Input): data is BufferSource {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data);
}
