import { decodeHex } from "@std/encoding/hex";
import { equals } from "@std/bytes/equals";
import { shortHashOf } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import { digestError } from "./check_trust.ts";
import type { PackageSlot } from "./package_slot.ts";

/** Python's builder repeats the prefix of the launcher's checksum. */
const SHA256_REGEXP = /^(?:sha256:)*([0-9a-f]{64})$/i;

/**
 * Reads a checksum of the metadata.
 *
 * @param text `sha256:` and 64 hex digits, as any builder spells it.
 * @returns The digest, 32 bytes, or `undefined` when it is something else.
 */
export function parseChecksum(text: string): Uint8Array | undefined {
  const digits = SHA256_REGEXP.exec(text)?.[1];
  return digits === undefined ? undefined : decodeHex(digits);
}

/**
 * Whether a slot stands for the package file itself and has no bytes to check.
 *
 * @param slot The slot.
 * @returns `true` for a self-reference.
 */
export function isSelfReference({ metadata, size }: PackageSlot): boolean {
  return metadata.selfRef === true && size === 0;
}

/**
 * Judges the digest of a slot's stored bytes: it has to be the one in the
 * signed metadata, and its beginning the one in the descriptor.
 *
 * @param slot The slot.
 * @param digest SHA-256 of its stored bytes.
 * @throws {PspfError} `verify/slot-digest`
 */
export function checkSlotDigest(slot: PackageSlot, digest: Uint8Array): void {
  if (isSelfReference(slot)) return;
  const what = `content of slot ${slot.index} ("${slot.id}")`;
  const expected = parseChecksum(slot.metadata.checksum);
  if (expected === undefined) {
    throw new PspfError(
      "verify/slot-digest",
      `Cannot trust the ${what}: its checksum "${slot.metadata.checksum}" is no SHA-256`,
      { context: { slot: slot.index, actual: slot.metadata.checksum } },
    );
  }
  if (!equals(digest, expected)) {
    throw digestError("verify/slot-digest", what, digest, expected);
  }
  const short = shortHashOf(digest);
  if (short !== slot.descriptor.checksum) {
    throw new PspfError(
      "verify/slot-digest",
      `Cannot trust the ${what}: its descriptor names another checksum`,
      {
        context: {
          slot: slot.index,
          expected: slot.descriptor.checksum.toString(),
          actual: short.toString(),
        },
      },
    );
  }
}
