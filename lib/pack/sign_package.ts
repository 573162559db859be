import { type KeyPair, sign } from "../crypto/ed25519.ts";
import { keyFingerprint } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import { TRAILER_SIZE } from "../format/constants.ts";
import { writeIndexChecksum, writeIndexKey } from "../format/index_block.ts";
import { hasSeal, sealMessage, writeSealSignature } from "../format/seal.ts";
import { encodeTrailer } from "../format/trailer.ts";
import type { Host } from "../host/types.ts";
import { openPackage } from "../read/open_package.ts";
import { verifyPackage } from "../read/verify_package.ts";

/** A package that was signed again. */
export interface SignedPackage {
  readonly path: string;
  /** Fingerprint of the key that had signed it. */
  readonly before: string;
  /** Fingerprint of the key that signs it now. */
  readonly after: string;
  /** Bytes at the end of the file that differ from before. */
  readonly rewritten: number;
}

/**
 * Signs a finished package with another key. What was changed since it was
 * packed is not signed; of the file only the trailer is another.
 */
export async function signPackage(
  path: string,
  to: string,
  keyPair: KeyPair,
  { reader, writer }: Pick<Host, "reader" | "writer">,
): Promise<SignedPackage> {
  await using source = await reader.openSource(path);
  const { valid, checks } = await verifyPackage(source, { level: "standard" });
  const failed = checks.find(({ status }) => status === "fail");
  if (!valid && failed !== undefined) {
    throw new PspfError(
      failed.code ?? "build/failed",
      `Cannot sign "${path}" again: ${failed.detail}`,
      {
        context: { path, check: failed.id },
        hint: "Pack it again; what is damaged is never signed",
      },
    );
  }
  const { index, metadataJson } = await openPackage(source);
  const start = index.trailerOffset;
  if (start + TRAILER_SIZE !== source.size) {
    throw new PspfError(
      "build/failed",
      `Cannot sign "${path}" again: it has a platform signature, which would no longer match`,
      {
        context: { path },
        hint: "Sign the package first, then for the platform",
      },
    );
  }
  const before = await keyFingerprint(index.fields.publicKey);
  const block = index.block.slice();
  writeIndexKey(block, keyPair.publicKey, await sign(keyPair, metadataJson));
  if (hasSeal(block)) {
    writeSealSignature(block, await sign(keyPair, sealMessage(block)));
  }
  writeIndexChecksum(block);
  const mode = (await reader.facts(path))?.mode ?? 0o755;
  await using sink = await writer.createSink(to, { mode, replace: true });
  for await (const chunk of source.stream(0, start)) await sink.write(chunk);
  await sink.write(encodeTrailer(block));
  await using written = await sink.reopen();
  const after = await verifyPackage(written, {
    trustedKeys: [keyPair.publicKey],
  });
  if (!after.valid) {
    throw new PspfError(
      "build/verification-failed",
      `The package that was signed does not verify: "${to}"`,
      { context: { path: to } },
    );
  }
  await sink.commit();
  return {
    path: to,
    before,
    after: await keyFingerprint(keyPair.publicKey),
    rewritten: TRAILER_SIZE,
  };
}
