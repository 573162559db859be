import { concat } from "@std/bytes/concat";
import { startsWith } from "@std/bytes/starts-with";
import { PspfError } from "../errors.ts";
import { PUBLIC_KEY_SIZE } from "../format/constants.ts";
import {
  checkKeyPair,
  deriveKeyPair,
  type KeyPair,
  PRIVATE_KEY_SIZE,
} from "./ed25519.ts";
import { encodePem, parsePem } from "./pem.ts";
import {
  PKCS8_PREFIX,
  PKCS8_V2_EXPLICIT_PREFIX,
  PKCS8_V2_PREFIX,
  SPKI_PREFIX,
} from "./pkcs8.ts";

/** Longest key file that is worth a look, in bytes. */
export const MAX_KEY_FILE_SIZE = 16 * 1024;

const PRIVATE_LABELS: ReadonlySet<string> = new Set([
  "PRIVATE KEY",
  "ED25519 PRIVATE KEY",
]);
const PUBLIC_LABELS: ReadonlySet<string> = new Set([
  "PUBLIC KEY",
  "ED25519 PUBLIC KEY",
]);

const PKCS8_PREFIXES: readonly Uint8Array[] = [
  PKCS8_PREFIX,
  PKCS8_V2_PREFIX,
  PKCS8_V2_EXPLICIT_PREFIX,
];
/** What stands between a version 2 private key and its public key. */
const PUBLIC_TAGS: readonly Uint8Array[] = [
  Uint8Array.from([0x81, 0x21, 0]),
  Uint8Array.from([0xa1, 0x23, 3, 0x21, 0]),
];

/**
 * Reads a private key file: PKCS#8 PEM (version 1 or 2), PEM around raw bytes,
 * or raw bytes (32, or 64 with the public key behind). A public key in the
 * file, or given beside it, has to belong to the private key.
 *
 * @param privateFile Content of the private key file.
 * @param publicFile Content of the public key file, if there is one.
 * @returns The pair.
 * @throws {PspfError} `crypto/bad-key`, `crypto/key-mismatch`
 *
 * @example What `encodePrivateKeyPem` wrote
 * ```ts
 * import { encodePrivateKeyPem, generateKeyPair, parseKeyPair } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * const pair = await generateKeyPair();
 * const file = new TextEncoder().encode(encodePrivateKeyPem(pair.privateKey));
 * assertEquals(await parseKeyPair(file), pair);
 * ```
 */
export async function parseKeyPair(
  privateFile: Uint8Array,
  publicFile?: Uint8Array,
): Promise<KeyPair> {
  const { privateKey, publicKey } = parsePrivateKey(privateFile);
  const pair = await deriveKeyPair(privateKey);
  if (publicKey !== undefined) checkKeyPair(pair, publicKey);
  if (publicFile !== undefined) checkKeyPair(pair, parsePublicKey(publicFile));
  return pair;
}

/**
 * Reads a public key file: SPKI PEM, PEM around 32 raw bytes, or 32 raw bytes.
 *
 * @param file Content of the file.
 * @returns The raw public key, 32 bytes.
 * @throws {PspfError} `crypto/bad-key`
 *
 * @example What `encodePublicKeyPem` wrote
 * ```ts
 * import { encodePublicKeyPem, parsePublicKey } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * const key = new Uint8Array(32).fill(5);
 * assertEquals(parsePublicKey(new TextEncoder().encode(encodePublicKeyPem(key))), key);
 * ```
 */
export function parsePublicKey(file: Uint8Array): Uint8Array {
  const bytes = readKeyBytes(file, "public", PUBLIC_LABELS);
  if (bytes.length === PUBLIC_KEY_SIZE) return bytes.slice();
  const key = bytes.slice(SPKI_PREFIX.length);
  if (startsWith(bytes, SPKI_PREFIX) && key.length === PUBLIC_KEY_SIZE) {
    return key;
  }
  throw badKey("public", "it is neither SPKI for Ed25519 nor 32 raw bytes");
}

/**
 * Writes a private key the way `openssl genpkey` does.
 *
 * @param privateKey The seed, 32 bytes.
 * @returns PKCS#8 PEM, 119 characters.
 *
 * @example 119 characters
 * ```ts
 * import { encodePrivateKeyPem } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodePrivateKeyPem(new Uint8Array(32)).length, 119);
 * ```
 */
export function encodePrivateKeyPem(privateKey: Uint8Array): string {
  if (privateKey.length !== PRIVATE_KEY_SIZE) {
    throw badKey("private", "it is not 32 bytes long");
  }
  return encodePem({
    label: "PRIVATE KEY",
    bytes: concat([PKCS8_PREFIX, privateKey]),
  });
}

/**
 * Writes a public key the way `openssl pkey -pubout` does.
 *
 * @param publicKey The raw public key, 32 bytes.
 * @returns SPKI PEM, 113 characters.
 *
 * @example 113 characters
 * ```ts
 * import { encodePublicKeyPem } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(encodePublicKeyPem(new Uint8Array(32)).length, 113);
 * ```
 */
export function encodePublicKeyPem(publicKey: Uint8Array): string {
  if (publicKey.length !== PUBLIC_KEY_SIZE) {
    throw badKey("public", "it is not 32 bytes long");
  }
  return encodePem({
    label: "PUBLIC KEY",
    bytes: concat([SPKI_PREFIX, publicKey]),
  });
}

interface PrivateKeyParts {
  readonly privateKey: Uint8Array;
  readonly publicKey?: Uint8Array;
}

function parsePrivateKey(file: Uint8Array): PrivateKeyParts {
  const bytes = readKeyBytes(file, "private", PRIVATE_LABELS);
  const seed = (at: number): Uint8Array =>
    bytes.slice(at, at + PRIVATE_KEY_SIZE);
  if (bytes.length === PRIVATE_KEY_SIZE) return { privateKey: seed(0) };
  if (bytes.length === PRIVATE_KEY_SIZE + PUBLIC_KEY_SIZE) {
    return { privateKey: seed(0), publicKey: bytes.slice(PRIVATE_KEY_SIZE) };
  }
  const header = PKCS8_PREFIXES.find((one) => startsWith(bytes, one));
  if (header !== undefined) {
    const rest = bytes.subarray(header.length + PRIVATE_KEY_SIZE);
    const isWhole = bytes.length === 2 + (header[1] ?? 0);
    if (isWhole && rest.length === 0) {
      return { privateKey: seed(header.length) };
    }
    const tag = PUBLIC_TAGS.find((one) => startsWith(rest, one));
    if (
      isWhole && tag !== undefined &&
      rest.length === tag.length + PUBLIC_KEY_SIZE
    ) {
      return {
        privateKey: seed(header.length),
        publicKey: rest.slice(tag.length),
      };
    }
  }
  throw badKey(
    "private",
    "it is neither PKCS#8 for Ed25519 nor 32 or 64 raw bytes",
  );
}

function readKeyBytes(
  file: Uint8Array,
  which: "private" | "public",
  labels: ReadonlySet<string>,
): Uint8Array {
  if (file.length > MAX_KEY_FILE_SIZE) {
    throw badKey(which, `${file.length} bytes is too long`);
  }
  const pem = parsePem(file);
  if (pem === undefined) return file;
  if (!labels.has(pem.label)) {
    throw badKey(which, `the file holds "${pem.label}"`);
  }
  return pem.bytes;
}

function badKey(which: "private" | "public", problem: string): PspfError {
  return new PspfError(
    "crypto/bad-key",
    `Cannot use the ${which} key: ${problem}`,
    {
      hint: 'Make a key pair with "flavor keygen"',
    },
  );
}
