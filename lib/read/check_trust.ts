import { equals } from "@std/bytes/equals";
import { encodeHex } from "@std/encoding/hex";
import { verify } from "../crypto/ed25519.ts";
import { MAX_KEY_FILE_SIZE, parsePublicKey } from "../crypto/key_file.ts";
import { keyFingerprint, parseFingerprint } from "../crypto/sha256.ts";
import { sha256 } from "../crypto/sha256.ts";
import { isPspfError, PspfError } from "../errors.ts";
import { SEAL_FEATURE } from "../format/constants.ts";
import { hasSeal, parseSeal, type Seal, sealMessage } from "../format/seal.ts";
import { openSource } from "../io/open_source.ts";
import type { CheckLog } from "./check_log.ts";
import type { PackageIndex } from "./read_index.ts";

/**
 * A key that somebody trusts: a raw public key of 32 bytes, its fingerprint (64
 * hex digits, with or without `sha256:`), PEM text, or the path or URL of a key
 * file.
 */
export type TrustedKey = Uint8Array | URL | string;

/**
 * Turns keys into fingerprints, so that a key that means nothing is an error
 * and not a package that nobody trusts.
 */
export async function resolveTrustedKeys(
  keys: readonly TrustedKey[],
): Promise<readonly string[]> {
  return await Promise.all(keys.map(resolveTrustedKey));
}

async function resolveTrustedKey(key: TrustedKey): Promise<string> {
  if (key instanceof Uint8Array) {
    return await keyFingerprint(parsePublicKey(key));
  }
  if (typeof key === "string") {
    const fingerprint = parseFingerprint(key);
    if (fingerprint !== undefined) return fingerprint;
    if (/^\s*-----BEGIN /.test(key)) {
      return await keyFingerprint(
        parsePublicKey(new TextEncoder().encode(key)),
      );
    }
  }
  try {
    await using source = await openSource(key);
    const size = Math.min(source.size, MAX_KEY_FILE_SIZE + 1);
    return await keyFingerprint(parsePublicKey(await source.read(0, size)));
  } catch (error) {
    if (!isPspfError(error, "io/not-found")) throw error;
    throw new PspfError(
      "crypto/bad-key",
      `Cannot use the trusted key ${
        JSON.stringify(String(key))
      }: it is not a fingerprint, PEM text or an existing file`,
      {
        context: { key: String(key) },
        hint: "Fingerprints have 64 hex digits; flavor inspect shows them",
        cause: error,
      },
    );
  }
}

/**
 * Checks the seal: its own form, its signature, and the slot table that it
 * binds.
 */
export async function checkSeal(
  index: PackageIndex,
  table: Uint8Array,
  log: CheckLog,
): Promise<Seal | undefined> {
  const { block, fields } = index;
  if (!hasSeal(block)) {
    await noteUnsealed(log);
    return undefined;
  }
  const seal = await readSeal(block, log);
  if (seal === undefined) return undefined;
  const { signature, slotTableDigest } = seal;
  await log.proof("seal", "The seal's signature verifies", async () => {
    if (await verify(fields.publicKey, signature, sealMessage(block))) return;
    throw new PspfError(
      "verify/seal",
      "Cannot verify the seal: its signature does not match",
      {
        context: { public_key: encodeHex(fields.publicKey) },
        hint: "The package was changed after it was built; do not run it",
      },
    );
  });
  await log.proof(
    "slot-table-digest",
    "The slot table is the sealed one",
    async () => {
      const actual = await sha256(table);
      if (!equals(actual, slotTableDigest)) {
        throw digestError(
          "verify/slot-table-digest",
          "slot table",
          actual,
          slotTableDigest,
        );
      }
    },
  );
  return seal;
}

/**
 * Checks that nobody took the seal away: only the seal signs the index block,
 * so whoever strips it could change the rest of the index as well. The signed
 * metadata of a sealed package says that there has to be one.
 */
export async function checkSealClaim(
  features: readonly string[],
  isSealed: boolean,
  log: CheckLog,
): Promise<void> {
  if (!features.includes(SEAL_FEATURE)) return;
  await log.proof(
    "seal-claim",
    "The signed metadata asks for a seal, and there is one",
    () => {
      if (isSealed) return;
      throw new PspfError(
        "verify/unsealed",
        "Cannot trust the package: its signed metadata says that it is sealed, and it carries no seal",
        {
          context: { feature: SEAL_FEATURE },
          hint: "The seal was taken away; get a fresh copy",
        },
      );
    },
  );
}

/** Checks that the package is signed by a key that somebody named. */
export async function checkTrustedKey(
  publicKey: Uint8Array,
  trustedKeys: readonly TrustedKey[] | undefined,
  log: CheckLog,
): Promise<void> {
  if (trustedKeys === undefined) {
    log.skip(
      "trusted-key",
      "No trusted key was given: the origin is not proved",
    );
    return;
  }
  const fingerprint = await keyFingerprint(publicKey);
  const trusted = await resolveTrustedKeys(trustedKeys);
  await log.proof(
    "trusted-key",
    "The package is signed by a trusted key",
    () => {
      if (trusted.includes(fingerprint)) return;
      throw new PspfError(
        "verify/untrusted-key",
        `Cannot trust the package: it is signed by ${fingerprint}`,
        {
          context: { fingerprint, trusted: trustedKeys.length },
          hint:
            "Compare the fingerprint with the one that the publisher names elsewhere",
        },
      );
    },
    true,
  );
}

/** Describes a digest that is not the expected one. */
export function digestError(
  code:
    | "verify/launcher-digest"
    | "verify/metadata-digest"
    | "verify/slot-digest"
    | "verify/slot-table-digest",
  what: string,
  actual: Uint8Array,
  expected: Uint8Array,
): PspfError {
  return new PspfError(
    code,
    `Cannot trust the ${what}: its SHA-256 is ${encodeHex(actual)}, expected ${
      encodeHex(expected)
    }`,
    {
      context: {
        what,
        actual: encodeHex(actual),
        expected: encodeHex(expected),
      },
      hint: "The package is damaged or was changed; get a fresh copy",
    },
  );
}

/**
 * Parses the seal. Below "standard" a wrong signature is tolerated, a seal
 * that cannot be read is not; at "none" such a seal counts as none.
 */
async function readSeal(
  block: Uint8Array,
  log: CheckLog,
): Promise<Seal | undefined> {
  try {
    return parseSeal(block);
  } catch (error) {
    if (log.level === "none") return undefined;
    return await log.structure("seal", "The seal is well formed", () => {
      throw error;
    });
  }
}

async function noteUnsealed(log: CheckLog): Promise<void> {
  if (log.level !== "strict") {
    log.warn(
      "seal",
      "The package carries no seal: nothing signs its launcher and its slot table",
    );
    return;
  }
  await log.proof("seal", "The package is sealed", () => {
    throw new PspfError(
      "verify/unsealed",
      "Cannot trust the package: it carries no seal",
      {
        hint: 'Pack it with flavor, or verify it at level "standard"',
      },
    );
  });
}
