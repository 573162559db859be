import { createSha256 } from "../../lib/crypto/sha256.ts";
import { keyPairFromSeed, sha256, sign, verify } from "@flavor/pspf/crypto";
import { createStdSha256 } from "../../lib/crypto/sha256.ts";
import { isStrictPoint, isStrictScalar } from "../../lib/crypto/ed25519.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";

const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const MESSAGE = new TextEncoder().encode("{}");

/** Encodings of all points of small order, canonical and not. */
const SMALL_ORDER = [
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
].map((hex) => Uint8Array.fromHex(hex));

Deno.test("verify() refuses keys of small order, with which anything verifies", async () => {
  for (const key of SMALL_ORDER) {
    for (const point of SMALL_ORDER) {
      const signature = new Uint8Array(64);
      signature.set(point);
      assert(
        !await verify(key, signature, MESSAGE),
        `${key.toHex()} ${point.toHex()}`,
      );
    }
  }
});

Deno.test("verify() refuses a scalar that is not reduced", async () => {
  const pair = await keyPairFromSeed("test123");
  const signature = await sign(pair, MESSAGE);
  assert(await verify(pair.publicKey, signature, MESSAGE));
  let scalar = signature.subarray(32).reduceRight(
    (value, byte) => (value << 8n) | BigInt(byte),
    0n,
  );
  scalar += L;
  const malleable = signature.slice();
  for (let at = 32; at < 64; at++, scalar >>= 8n) {
    malleable[at] = Number(scalar & 0xffn);
  }
  assert(!await verify(pair.publicKey, malleable, MESSAGE));
});

Deno.test("verify() refuses any changed bit of key, signature and message", async () => {
  const pair = await keyPairFromSeed("test123");
  const signature = await sign(pair, MESSAGE);
  const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
    const copy = bytes.slice();
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return copy;
  };
  for (let bit = 0; bit < 512; bit++) {
    assert(!await verify(pair.publicKey, flipped(signature, bit), MESSAGE));
    if (bit < 256) {
      assert(!await verify(flipped(pair.publicKey, bit), signature, MESSAGE));
    }
    if (bit < 16) {
      assert(!await verify(pair.publicKey, signature, flipped(MESSAGE, bit)));
    }
  }
});

Deno.test("verify() refuses wrong lengths", async () => {
  const pair = await keyPairFromSeed("test123");
  const signature = await sign(pair, MESSAGE);
  assert(!await verify(pair.publicKey.subarray(1), signature, MESSAGE));
  assert(!await verify(pair.publicKey, signature.subarray(1), MESSAGE));
});

Deno.test("the digest for browsers agrees with the one for Deno", async () => {
  const bytes = Uint8Array.from(
    { length: 200_000 },
    (_, index) => index & 0xff,
  );
  const hash = createStdSha256();
  for (let at = 0; at < bytes.length; at += 65_537) {
    await hash.update(bytes.slice(at, at + 65_537));
  }
  assertEquals(await hash.digest(), await sha256(bytes));
});

Deno.test("createSha256() hashes at once where node:crypto is", () => {
  assertEquals(createSha256().update(MESSAGE), undefined);
});

const P = 2n ** 255n - 19n;

function encode(value: bigint): Uint8Array {
  return Uint8Array.from(
    { length: 32 },
    (_, at) => Number(value >> BigInt(8 * at) & 0xffn),
  );
}

Deno.test("isStrictPoint() refuses small order and encodings that are not canonical", () => {
  for (const point of SMALL_ORDER) {
    assert(!isStrictPoint(point), point.toHex());
    // Neighbours of the canonical ones are points like others.
    const y = point.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n) &
      (2n ** 255n - 1n);
    if (y > 2n && y < P - 2n) {
      assert(isStrictPoint(encode(y + 1n)));
      assert(isStrictPoint(encode(y - 1n)));
    }
  }
  for (const y of [2n, P - 2n]) {
    assert(isStrictPoint(encode(y)));
    assert(isStrictPoint(encode(y + 2n ** 255n)), "the highest bit is a sign");
  }
  for (const y of [P, P + 2n, 2n ** 255n - 1n]) {
    assert(!isStrictPoint(encode(y)));
  }
});

/** Puts other functions into WebCrypto for a while. */
function patchCrypto(patch: Partial<SubtleCrypto>): Disposable {
  for (const [name, value] of Object.entries(patch)) {
    Object.defineProperty(crypto.subtle, name, { value, configurable: true });
  }
  return {
    [Symbol.dispose]: () => {
      for (const name of Object.keys(patch)) {
        Reflect.deleteProperty(crypto.subtle, name);
      }
    },
  };
}

Deno.test("verify() is as strict where the runtime takes everything", async () => {
  const { publicKey } = await keyPairFromSeed("test123");
  const signature = new Uint8Array([...publicKey, ...encode(1n)]);
  let seen: unknown[] = [];
  using _ = patchCrypto({
    importKey: () => Promise.resolve({} as CryptoKey),
    verify: (...args: unknown[]) => {
      seen = args;
      return Promise.resolve(true);
    },
  });
  assert(await verify(publicKey, signature, MESSAGE));
  assertEquals(seen, ["Ed25519", {}, signature, MESSAGE]);
  for (const point of SMALL_ORDER) {
    assert(!await verify(point, signature, MESSAGE));
    const bad = new Uint8Array([...point, ...encode(1n)]);
    assert(!await verify(publicKey, bad, MESSAGE));
  }
  for (const scalar of [L, L + 1n, 2n ** 256n - 1n]) {
    const bad = new Uint8Array([...publicKey, ...encode(scalar)]);
    assert(!await verify(publicKey, bad, MESSAGE));
  }
  const last = new Uint8Array([...publicKey, ...encode(L - 1n)]);
  assert(await verify(publicKey, last, MESSAGE));
  for (const length of [0, 31, 33]) {
    const key = new Uint8Array(length).fill(7);
    assert(!await verify(key, signature, MESSAGE));
  }
  for (const length of [0, 63, 65]) {
    const bad = new Uint8Array(length).fill(7);
    assert(!await verify(publicKey, bad, MESSAGE));
  }
});

Deno.test("verify() says no to a key that the runtime cannot import, and passes other errors on", async () => {
  const { publicKey } = await keyPairFromSeed("test123");
  const signature = new Uint8Array([...publicKey, ...encode(1n)]);
  const failWith = (error: Error): Disposable =>
    patchCrypto({ importKey: () => Promise.reject(error) });
  {
    using _ = failWith(new DOMException("not a point", "DataError"));
    assert(!await verify(publicKey, signature, MESSAGE));
  }
  for (
    const error of [
      new DOMException("no Ed25519 here", "NotSupportedError"),
      Object.assign(new Error("odd"), { name: "DataError" }),
    ]
  ) {
    using _ = failWith(error);
    await assertRejects(
      () => verify(publicKey, signature, MESSAGE),
      Error,
      error.message,
    );
  }
});

Deno.test(
  "isStrictScalar() ends at the group order, whatever the runtime checks",
  {
    permissions: "none",
  },
  () => {
    assert(isStrictScalar(encode(0n)));
    assert(isStrictScalar(encode(L - 1n)));
    for (const value of [L, L + 1n, 2n ** 256n - 1n]) {
      assert(
        !isStrictScalar(encode(value)),
      );
    }
  },
);
