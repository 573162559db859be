import { deriveKeyPair } from "../../lib/crypto/ed25519.ts";
import {
  encodePrivateKeyPem,
  encodePublicKeyPem,
  generateKeyPair,
  type KeyPair,
  keyPairFromSeed,
  parseKeyPair,
  parsePublicKey,
} from "@flavor/pspf/crypto";
import { parseFingerprint } from "../../lib/crypto/sha256.ts";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
} from "node:crypto";
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
    "an unknown tag": pem(
      "PRIVATE KEY",
      join([0x30, 0x51, 2, 1, 1], PKCS8_BODY, PAIR.privateKey, [
        0x82,
        0x21,
        0,
      ], PAIR.publicKey),
    ),
    "a tag of the other form": pem(
      "PRIVATE KEY",
      join([0x30, 0x51, 2, 1, 1], PKCS8_BODY, PAIR.privateKey, [
        0xa1,
        0x23,
        3,
        0x21,
        0,
      ], PAIR.publicKey.subarray(2)),
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

Deno.test("a key of another kind is named for what it is", async () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const x25519 = generateKeyPairSync("x25519");
  const spki = { format: "pem", type: "spki" } as const;
  const pkcs8 = { format: "pem", type: "pkcs8" } as const;
  const own = PAIR.privateKey;
  const cases: readonly (readonly [string, string | Uint8Array])[] = [
    ["an EC key", ec.privateKey.export(pkcs8)],
    ["an EC key", ec.privateKey.export({ format: "pem", type: "sec1" })],
    ["an EC key", ec.privateKey.export({ format: "der", type: "pkcs8" })],
    [
      "an EC key",
      `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${
        ec.privateKey.export({ format: "pem", type: "sec1" })
      }`,
    ],
    ["an EC key", ec.publicKey.export(spki)],
    ["an RSA key", rsa.privateKey.export(pkcs8)],
    ["an RSA key", rsa.privateKey.export({ format: "pem", type: "pkcs1" })],
    ["an RSA key", rsa.publicKey.export(spki)],
    ["an RSA key", rsa.publicKey.export({ format: "der", type: "spki" })],
    ["an RSA key", rsa.publicKey.export({ format: "pem", type: "pkcs1" })],
    ["an X25519 key", x25519.privateKey.export(pkcs8)],
    ["OpenSSH's own format", pem("OPENSSH PRIVATE KEY", own)],
    ["OpenSSH's own format", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA me@here\n"],
    ["an OpenPGP key", pem("PGP PRIVATE KEY BLOCK", own)],
    ["a certificate", pem("CERTIFICATE", own)],
  ];
  for (const [name, content] of cases) {
    const file = typeof content === "string" ? utf8(content) : content;
    const isPublic = typeof content === "string"
      ? /PUBLIC|ssh-/.test(content)
      : content.length < 400 && name.includes("RSA");
    const { message, context } = await rejectsCode(
      "crypto/bad-key",
      () => isPublic ? Promise.try(parsePublicKey, file) : parseKeyPair(file),
    );
    assertStringIncludes(message, name);
    const wanted = isPublic ? "public" : "private";
    assertEquals(context["expected"], `a ${wanted} Ed25519 key`);
    assertStringIncludes(message, `the ${wanted} key`);
    assertStringIncludes(String(context["actual"]), name);
  }
  const swapped = await rejectsCode(
    "crypto/bad-key",
    () => parseKeyPair(utf8(encodePublicKeyPem(PAIR.publicKey))),
  );
  assertStringIncludes(swapped.message, "it is a public key, expected");
  const other = throwsCode(
    "crypto/bad-key",
    () => parsePublicKey(utf8(encodePrivateKeyPem(own))),
  );
  assertStringIncludes(other.message, "it is a private key, expected");
});

Deno.test("bytes that are not DER are not searched for an algorithm", async () => {
  // What follows would say X25519, were it in a sequence.
  const file = join([1, 0, 1, 0, 6, 3, 0x2b, 0x65, 0x6e], new Uint8Array(40));
  const { message } = await rejectsCode(
    "crypto/bad-key",
    () => parseKeyPair(file),
  );
  assertStringIncludes(message, "neither PKCS#8");
});

Deno.test("a key file has at most 16 KiB", async () => {
  const judge = async (size: number): Promise<string> => {
    const file = new Uint8Array(size).fill(0x41);
    return (await rejectsCode("crypto/bad-key", () => parseKeyPair(file)))
      .message;
  };
  assertStringIncludes(await judge(16 * 1024), "neither PKCS#8");
  assertStringIncludes(await judge(16 * 1024 + 1), "16385 bytes is too long");
});

Deno.test("encodePrivateKeyPem() and encodePublicKeyPem() refuse other lengths", () => {
  for (const length of [0, 31, 33, 64]) {
    const key = new Uint8Array(length);
    throwsCode("crypto/bad-key", () => encodePrivateKeyPem(key));
    throwsCode("crypto/bad-key", () => encodePublicKeyPem(key));
  }
});

Deno.test("a key with a passphrase says so", async () => {
  const { privateKey } = generateKeyPairSync("ed25519");
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const lock = { format: "pem", cipher: "aes-256-cbc", passphrase: "secret" };
  const files = [
    privateKey.export({ ...lock, type: "pkcs8" } as never),
    ec.privateKey.export({ ...lock, type: "sec1" } as never),
    `-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n`,
  ];
  for (const file of files) {
    const error = await rejectsCode(
      "crypto/bad-key",
      () => parseKeyPair(utf8(String(file))),
    );
    assertStringIncludes(error.message, "passphrase");
    assertStringIncludes(error.hint ?? "", "openssl pkey");
  }
});

Deno.test("a damaged PEM block says so", async () => {
  const good = encodePrivateKeyPem(PAIR.privateKey);
  const bad = [
    good.slice(0, 60),
    good.replace("-----END PRIVATE", "-----END PUBLIC"),
    good + good,
    good.replace("MC4C", "MC4*"),
    "-----BEGIN PRIVATE KEY",
    `${good}trailing`,
    good.replace("\n", "\n-----"),
  ];
  for (const text of bad) {
    const error = await rejectsCode(
      "crypto/bad-key",
      () => parseKeyPair(utf8(text)),
    );
    assertStringIncludes(error.message, "damaged", text);
    assertStringIncludes(error.hint ?? "", "exactly one block");
  }
  const unknown = await rejectsCode(
    "crypto/bad-key",
    () => parseKeyPair(pem("SOMETHING", PAIR.privateKey)),
  );
  assertStringIncludes(unknown.message, 'the file holds "SOMETHING"');
});

// A search that goes back for every blank would not end before the test run does.
Deno.test("a file full of blanks is judged at once", async () => {
  const size = 16 * 1024;
  const filled = (before: string, blank: string, after = ""): Uint8Array =>
    utf8(
      before +
        blank.repeat(size).slice(0, size - before.length - after.length) +
        after,
    );
  const begin = "-----BEGIN PRIVATE KEY-----";
  const end = "-----END PRIVATE KEY-----";
  for (const blank of [" ", "\n", "\t ", "\r\n", "A ", "- ", "-----BEGIN "]) {
    for (
      const file of [
        filled("", blank),
        filled(begin, blank),
        filled(begin, blank, end),
        filled("-----BEGIN ", blank),
        filled(`${begin}\n${end}`, blank, "x"),
        filled("", blank, begin + end),
      ]
    ) {
      assertEquals(file.length, size);
      await rejectsCode("crypto/bad-key", () => parseKeyPair(file));
      throwsCode("crypto/bad-key", () => parsePublicKey(file));
    }
  }
});

Deno.test("parseKeyPair() takes a key with blanks around and inside it", async () => {
  const good = encodePrivateKeyPem(PAIR.privateKey);
  const spread = good.replaceAll("\n", " \r\n\t");
  assertEquals(await parseKeyPair(utf8(`\n  ${spread}\n\n`)), PAIR);
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
