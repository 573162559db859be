import {
  deriveKeyPair,
  encodePrivateKeyPem,
  encodePublicKeyPem,
  generateKeyPair,
  type KeyPair,
  keyPairFromSeed,
  parseFingerprint,
  parseKeyPair,
  parsePublicKey,
} from "@flavor/pspf/crypto";
import { assert, assertEquals } from "@std/assert";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { rejectsCode, throwsCode } from "../support/throws_code.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

const join = (
  ...parts: readonly (Uint8Array | readonly number[])[]
): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));

function pem(label: string, bytes: Uint8Array): Uint8Array {
  return utf8(
    `-----BEGIN ${label}-----\n${bytes.toBase64()}\n-----END ${label}-----\n`,
  );
}

const PAIR: KeyPair = await keyPairFromSeed("test123");
const PKCS8_BODY = Uint8Array.fromHex("300506032b657004220420");

Deno.test("parseKeyPair() reads every form of a private key", async () => {
  const { privateKey, publicKey } = PAIR;
  const forms: Record<string, Uint8Array> = {
    "PKCS#8 version 1": utf8(encodePrivateKeyPem(privateKey)),
    "with Windows line ends": utf8(
      encodePrivateKeyPem(privateKey).replaceAll("\n", "\r\n"),
    ),
    "PKCS#8 version 2": pem(
      "PRIVATE KEY",
      join(
        [0x30, 0x51, 2, 1, 1],
        PKCS8_BODY,
        privateKey,
        [0x81, 0x21, 0],
        publicKey,
      ),
    ),
    "PKCS#8 version 2, explicit tag": pem(
      "PRIVATE KEY",
      join([0x30, 0x53, 2, 1, 1], PKCS8_BODY, privateKey, [
        0xa1,
        0x23,
        3,
        0x21,
        0,
      ], publicKey),
    ),
    "PEM around the seed": pem("ED25519 PRIVATE KEY", privateKey),
    "PEM around seed and public key": pem(
      "PRIVATE KEY",
      join(privateKey, publicKey),
    ),
    "raw seed": privateKey,
    "raw seed and public key": join(privateKey, publicKey),
  };
  for (const [name, file] of Object.entries(forms)) {
    assertEquals(await parseKeyPair(file), PAIR, name);
  }
});

Deno.test("encodePrivateKeyPem() and encodePublicKeyPem() write what others read", () => {
  const key = createPrivateKey(encodePrivateKeyPem(PAIR.privateKey));
  assertEquals(key.asymmetricKeyType, "ed25519");
  const spki = createPublicKey(key).export({ type: "spki", format: "pem" });
  assertEquals(spki, encodePublicKeyPem(PAIR.publicKey));
});

Deno.test("parsePublicKey() reads every form of a public key", () => {
  const { publicKey } = PAIR;
  const forms = [
    utf8(encodePublicKeyPem(publicKey)),
    pem("PUBLIC KEY", publicKey),
    pem("ED25519 PUBLIC KEY", publicKey),
    publicKey,
  ];
  for (const file of forms) assertEquals(parsePublicKey(file), publicKey);
});

Deno.test("parseKeyPair() refuses a public key that does not belong", async () => {
  const other = await generateKeyPair();
  const file = utf8(encodePrivateKeyPem(PAIR.privateKey));
  assertEquals(
    await parseKeyPair(file, utf8(encodePublicKeyPem(PAIR.publicKey))),
    PAIR,
  );
  await rejectsCode(
    "crypto/key-mismatch",
    () => parseKeyPair(file, other.publicKey),
  );
  const inside = join(PAIR.privateKey, other.publicKey);
  await rejectsCode("crypto/key-mismatch", () => parseKeyPair(inside));
  await rejectsCode(
    "crypto/key-mismatch",
    () => parseKeyPair(pem("PRIVATE KEY", inside)),
  );
});

Deno.test("parseKeyPair() refuses everything else", async () => {
  const good = encodePrivateKeyPem(PAIR.privateKey);
  const bad: Record<string, Uint8Array> = {
    "nothing": new Uint8Array(),
    "31 bytes": new Uint8Array(31),
    "a public key": utf8(encodePublicKeyPem(PAIR.publicKey)),
    "an encrypted key": pem("ENCRYPTED PRIVATE KEY", PAIR.privateKey),
    "half a block": utf8(good.slice(0, 60)),
    "two blocks": utf8(good + good),
    "another algorithm": pem(
      "PRIVATE KEY",
      join([
        0x30,
        0x2e,
        2,
        1,
        0,
        0x30,
        5,
        6,
        3,
        0x2b,
        0x65,
        0x6e,
        4,
        0x22,
        4,
        0x20,
      ], PAIR.privateKey),
    ),
    "something behind the key": pem(
      "PRIVATE KEY",
      join([0x30, 0x2e, 2, 1, 0], PKCS8_BODY, PAIR.privateKey, [0]),
    ),
    "a huge file": new Uint8Array(1_000_000),
  };
  for (const [name, file] of Object.entries(bad)) {
    const error = await rejectsCode("crypto/bad-key", () => parseKeyPair(file));
    assert(error.hint !== undefined, name);
  }
});

Deno.test("parsePublicKey() refuses everything else", () => {
  const bad = [
    new Uint8Array(33),
    utf8(encodePrivateKeyPem(PAIR.privateKey)),
    pem("PUBLIC KEY", new Uint8Array(44)),
  ];
  for (const file of bad) {
    throwsCode("crypto/bad-key", () => parsePublicKey(file));
  }
});

Deno.test("deriveKeyPair() refuses a seed of another length", async () => {
  await rejectsCode("crypto/bad-key", () => deriveKeyPair(new Uint8Array(31)));
});

Deno.test("parseFingerprint() takes 64 digits and nothing else", {
  permissions: "none",
}, () => {
  assertEquals(
    parseFingerprint(` SHA256:${"Ab".repeat(32)}\n`),
    "ab".repeat(32),
  );
  for (
    const text of [
      "",
      "ab",
      "g".repeat(64),
      "a".repeat(65),
      "md5:" + "a".repeat(64),
    ]
  ) {
    assertEquals(parseFingerprint(text), undefined);
  }
});
