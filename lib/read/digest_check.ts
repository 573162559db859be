import { createSha256 } from "../crypto/sha256.ts";

/**
 * Bytes that pass through unchanged and are hashed on the way. The verdict
 * comes at the end, so whoever consumes them has to read all of them and must
 * not publish anything before the stream has closed.
 */
export class DigestCheck extends TransformStream<Uint8Array, Uint8Array> {
  /**
   * @param judge Gets the SHA-256 of all bytes; what it throws is the error of
   * the stream.
   * @param onProgress Gets the length of each chunk, in bytes.
   */
  constructor(
    judge: (digest: Uint8Array) => void,
    onProgress?: (length: number) => void,
  ) {
    const hash = createSha256();
    super({
      async transform(chunk, controller): Promise<void> {
        await hash.update(chunk);
        onProgress?.(chunk.length);
        controller.enqueue(chunk);
      },
      async flush(): Promise<void> {
        judge(await hash.digest());
      },
    });
  }
}
