import {
  MAX_KEY_FILE_SIZE,
  parseFingerprint,
  parsePublicKey,
} from "../crypto/mod.ts";
import type { FileReader } from "../host/types.ts";
import type { TrustedKey } from "../read/mod.ts";

/**
 * Reads the keys that a user trusts.
 *
 * @param given Fingerprints, or files with a public key.
 * @param reader Reads the files.
 * @returns The keys; `undefined` when none is given, so that any is accepted.
 * @throws {PspfError} `io/not-found`, `crypto/bad-key`
 */
export async function readTrustedKeys(
  given: readonly string[],
  reader: FileReader,
): Promise<readonly TrustedKey[] | undefined> {
  if (given.length === 0) return undefined;
  const keys: TrustedKey[] = [];
  for (const item of given) {
    const fingerprint = parseFingerprint(item);
    keys.push(
      fingerprint ??
        parsePublicKey(await reader.readBytes(item, MAX_KEY_FILE_SIZE)),
    );
  }
  return keys;
}
