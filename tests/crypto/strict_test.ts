import { keyPairFromSeed, sign, verify } from "@flavor/pspf/crypto";
import { createStdSha256 } from "../../lib/crypto/sha256.ts";
import { isStrictScalar } from "../../lib/crypto/ed25519.ts";
import { sha256 } from "@flavor/pspf/crypto";
import { assert, assertEquals } from "@std/assert";

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

Deno.test(
  "isStrictScalar() ends at the group order, whatever the runtime checks",
  {
    permissions: "none",
  },
  () => {
    const encode = (value: bigint): Uint8Array =>
      Uint8Array.from(
        { length: 32 },
        (_, at) => Number(value >> BigInt(8 * at) & 0xffn),
      );
    assert(isStrictScalar(encode(0n)));
    assert(isStrictScalar(encode(L - 1n)));
    for (const value of [L, L + 1n, 2n ** 256n - 1n]) {
      assert(
        !isStrictScalar(encode(value)),
      );
    }
  },
);
