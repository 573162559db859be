import { concat } from "@std/bytes/concat";
import { startsWith } from "@std/bytes/starts-with";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { PspfError } from "../errors.ts";
import { PUBLIC_KEY_SIZE } from "../format/constants.ts";
import { nodeBuiltin } from "../io/node_builtin.ts";
import {
  checkKeyPair,
  deriveKeyPair,
  type KeyPair,
  PKCS8_PREFIX,
  PRIVATE_KEY_SIZE,
} from "./ed25519.ts";

/** Longest key file that is worth a look, in bytes. */
export const MAX_KEY_FILE_SIZE = 16 * 1024;

type KeyKind = "private" | "public";

/** What the BEGIN line of an accepted key may say. */
const LABELS: Readonly<Record<KeyKind, readonly string[]>> = {
  private: ["PRIVATE KEY", "ED25519 PRIVATE KEY"],
  public: ["PUBLIC KEY", "ED25519 PUBLIC KEY"],
};

/** What the BEGIN line of other files says, and what they are. */
const FOREIGN_LABELS: ReadonlyMap<string, string> = new Map([
  ["EC PARAMETERS", "an EC key"],
  ["EC PRIVATE KEY", "an EC key"],
  ["RSA PRIVATE KEY", "an RSA key"],
  ["RSA PUBLIC KEY", "an RSA key"],
  ["DSA PRIVATE KEY", "a DSA key"],
  ["OPENSSH PRIVATE KEY", "a key in OpenSSH's own format"],
  ["SSH2 PUBLIC KEY", "a key in OpenSSH's own format"],
  ["PGP PRIVATE KEY BLOCK", "an OpenPGP key"],
  ["PGP PUBLIC KEY BLOCK", "an OpenPGP key"],
  ["CERTIFICATE", "a certificate"],
  ...LABELS.private.map((label) => [label, "a private key"] as const),
  ...LABELS.public.map((label) => [label, "a public key"] as const),
]);

/** Object identifiers of algorithms, in hex, and what keys of them are. */
const FOREIGN_ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ["2a8648ce3d0201", "an EC key"],
  ["2a864886f70d010101", "an RSA key"],
  ["2a864886f70d01010a", "an RSA key"],
  ["2a8648ce380401", "a DSA key"],
  ["2b656e", "an X25519 key"],
  ["2b656f", "an X448 key"],
  ["2b6571", "an Ed448 key"],
]);

/** PKCS#8 version 2 carries the public key after the seed. */
const PKCS8_V2_PREFIXES: readonly Uint8Array[] = [
  withHead([0x30, 0x51, 2, 1, 1]),
  // As one widespread library writes it, with an explicit tag.
  withHead([0x30, 0x53, 2, 1, 1]),
];
/** What stands between a version 2 private key and its public key. */
const PUBLIC_TAGS: readonly Uint8Array[] = [
  Uint8Array.from([0x81, 0x21, 0]),
  Uint8Array.from([0xa1, 0x23, 3, 0x21, 0]),
];
/** DER of a SubjectPublicKeyInfo up to the 32 bytes of the key. */
const SPKI_PREFIX: Uint8Array = concat([
  Uint8Array.from([0x30, 0x2a]),
  PKCS8_PREFIX.subarray(5, 12),
  Uint8Array.from([3, 0x21, 0]),
]);

function withHead(head: readonly number[]): Uint8Array {
  return concat([Uint8Array.from(head), PKCS8_PREFIX.subarray(head.length)]);
}

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
  const bytes = readKeyBytes(file, "public");
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
 * @throws {PspfError} `crypto/bad-key`
 */
export function encodePrivateKeyPem(privateKey: Uint8Array): string {
  if (privateKey.length !== PRIVATE_KEY_SIZE) {
    throw badKey("private", "it is not 32 bytes long");
  }
  return encodePem("PRIVATE KEY", concat([PKCS8_PREFIX, privateKey]));
}

/**
 * Writes a public key the way `openssl pkey -pubout` does.
 *
 * @param publicKey The raw public key, 32 bytes.
 * @returns SPKI PEM, 113 characters.
 * @throws {PspfError} `crypto/bad-key`
 */
export function encodePublicKeyPem(publicKey: Uint8Array): string {
  if (publicKey.length !== PUBLIC_KEY_SIZE) {
    throw badKey("public", "it is not 32 bytes long");
  }
  return encodePem("PUBLIC KEY", concat([SPKI_PREFIX, publicKey]));
}

const ENCRYPTED = "-----BEGIN ENCRYPTED PRIVATE KEY-----";

/** Whether a file is a private key that a password protects (PKCS#8). */
export function isEncryptedKey(file: Uint8Array): boolean {
  const head = file.subarray(0, MAX_KEY_FILE_SIZE);
  return String.fromCharCode(...head).trimStart().startsWith(ENCRYPTED);
}

/** Takes the password from a private key: PKCS#8 PEM in, PKCS#8 PEM out. */
export function decryptKey(file: Uint8Array, password: string): Uint8Array {
  const node = nodeBuiltin("node:crypto");
  if (node === undefined) {
    throw badKey(
      "private",
      "it is protected by a password, which cannot be used here",
    );
  }
  try {
    const key = new TextDecoder().decode(file);
    const opened = node.createPrivateKey({ key, passphrase: password });
    const pem = opened.export({ format: "pem", type: "pkcs8" });
    return new TextEncoder().encode(String(pem));
  } catch (cause) {
    throw new PspfError(
      "crypto/bad-key",
      "Cannot use the private key: the password does not open it",
      {
        hint: "Check FLAVOR_KEY_PASSWORD, or what was typed",
        cause,
      },
    );
  }
}

interface PrivateKeyParts {
  readonly privateKey: Uint8Array;
  readonly publicKey?: Uint8Array;
}

function parsePrivateKey(file: Uint8Array): PrivateKeyParts {
  const bytes = readKeyBytes(file, "private");
  const seed = (at: number): Uint8Array =>
    bytes.slice(at, at + PRIVATE_KEY_SIZE);
  if (bytes.length === PRIVATE_KEY_SIZE) return { privateKey: seed(0) };
  if (bytes.length === PRIVATE_KEY_SIZE + PUBLIC_KEY_SIZE) {
    return { privateKey: seed(0), publicKey: bytes.slice(PRIVATE_KEY_SIZE) };
  }
  const prefix = [PKCS8_PREFIX, ...PKCS8_V2_PREFIXES].find((one) =>
    startsWith(bytes, one)
  );
  if (prefix !== undefined && bytes.length === 2 + (prefix[1] ?? 0)) {
    const privateKey = seed(prefix.length);
    const rest = bytes.subarray(prefix.length + PRIVATE_KEY_SIZE);
    if (rest.length === 0) return { privateKey };
    const tag = PUBLIC_TAGS.find((one) => startsWith(rest, one));
    if (tag !== undefined && rest.length === tag.length + PUBLIC_KEY_SIZE) {
      return { privateKey, publicKey: rest.slice(tag.length) };
    }
  }
  throw badKey(
    "private",
    "it is neither PKCS#8 for Ed25519 nor 32 or 64 raw bytes",
  );
}

/** The content of a PEM block with the right label, or else the file itself. */
function readKeyBytes(file: Uint8Array, kind: KeyKind): Uint8Array {
  if (file.length > MAX_KEY_FILE_SIZE) {
    throw badKey(kind, `${file.length} bytes is too long`);
  }
  // Latin-1 keeps every byte apart, so that a binary key is never mistaken.
  const text = String.fromCharCode(...file).trim();
  if (text.startsWith("ssh-") || text.startsWith("ecdsa-")) {
    throw foreignKey(kind, "a key in OpenSSH's own format");
  }
  const bytes = text.startsWith(BEGIN) ? decodePem(text, kind) : file;
  const algorithm = findAlgorithm(bytes);
  const name = FOREIGN_ALGORITHMS.get(algorithm);
  if (name !== undefined) throw foreignKey(kind, name);
  return bytes;
}

const BEGIN = "-----BEGIN ";
const DASHES = "-----";

/** Every search here is for a fixed text: the time depends on the length alone. */
function decodePem(text: string, kind: KeyKind): Uint8Array {
  const labelEnd = text.indexOf(DASHES, BEGIN.length);
  const label = text.slice(BEGIN.length, Math.max(labelEnd, BEGIN.length));
  if (label === "ENCRYPTED PRIVATE KEY" || text.includes("\nDEK-Info: ")) {
    throw badKey(
      kind,
      "it is protected by a passphrase",
      "Give it in FLAVOR_KEY_PASSWORD, or take it away first: openssl pkey -in KEY -out PLAIN",
    );
  }
  if (!LABELS[kind].includes(label)) {
    const name = FOREIGN_LABELS.get(label);
    if (name !== undefined) throw foreignKey(kind, name);
  }
  const end = `-----END ${label}-----`;
  const body = text.slice(labelEnd + DASHES.length, -end.length);
  if (labelEnd < 0 || !text.endsWith(end) || body.includes(DASHES)) {
    throw damaged(kind);
  }
  if (!LABELS[kind].includes(label)) {
    throw badKey(kind, `the file holds ${JSON.stringify(label)}`);
  }
  try {
    return decodeBase64(body.replaceAll(/\s/g, ""));
  } catch (cause) {
    throw damaged(kind, cause);
  }
}

function encodePem(label: string, bytes: Uint8Array): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""]
    .join("\n");
}

/** The algorithm's object identifier in DER of PKCS#8 or SPKI, in hex. */
function findAlgorithm(der: Uint8Array): string {
  let at = 0;
  const enterSequence = (): void => {
    if (der[at] !== 0x30) return;
    const length = der[at + 1] ?? 0;
    at += length < 0x80 ? 2 : 2 + (length & 0x7f);
  };
  enterSequence();
  if (der[at] === 2) at += 3;
  enterSequence();
  if (der[at] !== 6) return "";
  return encodeHex(der.slice(at + 2, at + 2 + (der[at + 1] ?? 0)));
}

function foreignKey(kind: KeyKind, actual: string): PspfError {
  const expected = kind === "private"
    ? "a private Ed25519 key"
    : "a public Ed25519 key";
  return new PspfError(
    "crypto/bad-key",
    `Cannot use the ${kind} key: it is ${actual}, expected ${expected}`,
    {
      context: { expected, actual },
      hint: 'Make a key pair with "flavor keygen"',
    },
  );
}

function damaged(kind: KeyKind, cause?: unknown): PspfError {
  return new PspfError(
    "crypto/bad-key",
    `Cannot use the ${kind} key: the PEM block is damaged`,
    {
      hint: "The file has to hold exactly one block from BEGIN to END",
      cause,
    },
  );
}

function badKey(
  kind: KeyKind,
  problem: string,
  hint: string = 'Make a key pair with "flavor keygen"',
): PspfError {
  return new PspfError(
    "crypto/bad-key",
    `Cannot use the ${kind} key: ${problem}`,
    { hint },
  );
}
