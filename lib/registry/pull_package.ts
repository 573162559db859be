import { encodeHex } from "@std/encoding/hex";
import { createSha256 } from "../crypto/sha256.ts";
import type { ByteSink } from "../io/byte_sink.ts";
import { wrongDigest } from "./registry_client.ts";
import type { RegistrySource } from "./registry_source.ts";

/**
 * Puts a package file together out of the pieces in a registry, each held to
 * its digest. Who calls this verifies the package before it gets its name.
 */
export async function pullPackage(
  source: RegistrySource,
  sink: ByteSink,
  onProgress: (bytes: number) => void = () => {},
): Promise<void> {
  let end = 0;
  for (const piece of source.stored.pieces) {
    const { kind, offset, size, descriptor } = piece;
    if (offset > end) await sink.write(new Uint8Array(offset - end));
    end = offset + size;
    const hash = createSha256();
    for await (const chunk of source.piece(piece)) {
      await hash.update(chunk);
      await sink.write(chunk);
      onProgress(chunk.length);
    }
    const digest = await hash.digest();
    if (`sha256:${encodeHex(digest)}` !== descriptor.digest) {
      throw wrongDigest(kind, digest, descriptor.digest);
    }
  }
}
