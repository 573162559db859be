import { keyPairFromSeed, sha256, sign, verify } from "@flavor/pspf/crypto";
import { shortHash } from "../../lib/crypto/sha256.ts";
import { assert, assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import vectors from "../vectors/vectors.json" with { type: "json" };

const EMPTY_OBJECT = new TextEncoder().encode("{}");

Deno.test("keyPairFromSeed() derives the keys of the vectors", async () => {
  for (const vector of vectors.keys) {
    const pair = await keyPairFromSeed(vector.seed);
    assertEquals(encodeHex(pair.privateKey), vector.ed25519_seed);
    assertEquals(encodeHex(pair.publicKey), vector.public);
  }
});

Deno.test("sign() makes the signatures of the vectors, and verify() takes them", async () => {
  for (const vector of vectors.keys) {
    const pair = await keyPairFromSeed(vector.seed);
    const signature = await sign(pair, EMPTY_OBJECT);
    assertEquals(encodeHex(signature), vector.sig_of_empty_object);
    assert(await verify(pair.publicKey, signature, EMPTY_OBJECT));
    assert(!await verify(pair.publicKey, signature, new Uint8Array([1])));
  }
});

Deno.test("shortHash() and sha256() agree with the vectors", async () => {
  for (const { input, first8, u64 } of vectors.h8) {
    assertEquals(await shortHash(input), BigInt(`0x${u64}`));
    const digest = await sha256(new TextEncoder().encode(input));
    assertEquals(encodeHex(digest.subarray(0, 8)), first8);
  }
});
