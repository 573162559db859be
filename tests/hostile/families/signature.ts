/** Keys and signatures that a lenient Ed25519 would take. @module */

import { Buffer } from "node:buffer";
import { refuseAtOpen } from "../hostile_case.ts";
import type { HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";
import type { PackageDraft } from "../package_draft.ts";
import { ATTACKER, signerFromSeed } from "../signing_key.ts";
import type { Signer } from "../signing_key.ts";

const REFUSED = refuseAtOpen(
  "verify/signature",
  "verify/seal",
  "crypto/bad-key",
);

/** Order of the base point. */
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Every encoding of a point whose order divides 8, the non-canonical ones too. */
const SMALL_ORDER_POINTS: readonly string[] = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000080",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000080",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/** Cases about key and signature, sealed and unsealed. */
export function signatureCases(): HostileCase[] {
  return [true, false].flatMap((sealed) => [
    ...forgedSigners().map(([name, signer]) =>
      signatureCase(name, { sealed, signer })
    ),
    ...damagedSignatures(sealed),
  ]);
}

function signatureCase(name: string, draft: PackageDraft): HostileCase {
  const full = `${name}, ${draft.sealed ? "sealed" : "unsealed"}`;
  const build: HostileCase["build"] = ({ launcher }) =>
    writePackage(launcher, draft);
  return { family: "signature", name: full, expect: REFUSED, build };
}

function forgedSigners(): [string, Signer][] {
  const identity = Buffer.alloc(64);
  identity[0] = 1;
  const forged = SMALL_ORDER_POINTS.flatMap((hex): [string, Signer][] => {
    const publicKey = Buffer.from(hex, "hex");
    const name = `key of small order ${hex.slice(0, 4)}..${hex.slice(-2)}`;
    const mirrored = Buffer.concat([publicKey, Buffer.alloc(32)]);
    return [
      [`${name}, signature of the identity`, {
        publicKey,
        sign: () => identity,
      }],
      [`${name}, signature of itself`, { publicKey, sign: () => mirrored }],
    ];
  });
  const { publicKey } = ATTACKER;
  return [
    ...forged,
    ["S plus the group order", {
      publicKey,
      sign: (message) => malleate(ATTACKER.sign(message)),
    }],
    ["S of all ones", {
      publicKey,
      sign: (message) => withS(ATTACKER.sign(message), 0xff),
    }],
    ["S of zero", {
      publicKey,
      sign: (message) => withS(ATTACKER.sign(message), 0),
    }],
    ["key that is not a point", {
      publicKey: Buffer.alloc(32, 2),
      sign: ATTACKER.sign,
    }],
    ["key of all ones", {
      publicKey: Buffer.alloc(32, 0xff),
      sign: ATTACKER.sign,
    }],
    ["another key", { publicKey, sign: signerFromSeed("another").sign }],
    ["signature of zeros", { publicKey, sign: () => Buffer.alloc(64) }],
    ["signature of another text", {
      publicKey,
      sign: () => ATTACKER.sign(Buffer.from("text")),
    }],
    ["halves swapped", {
      publicKey,
      sign: (message) => {
        const signature = Buffer.from(ATTACKER.sign(message));
        return Buffer.concat([
          signature.subarray(32),
          signature.subarray(0, 32),
        ]);
      },
    }],
  ];
}

/** The seal is right and says that these signature bytes are what was meant. */
function damagedSignatures(sealed: boolean): HostileCase[] {
  const bytes = [0, 31, 32, 63];
  return bytes.map((at) =>
    signatureCase(`bit 0 of signature byte ${at} flipped`, {
      sealed,
      index: (index) => index.setUint8(128 + at, index.getUint8(128 + at) ^ 1),
    })
  );
}

/** Another encoding of the same signature, if S is not checked for its range. */
function malleate(signature: Uint8Array): Buffer {
  const copy = Buffer.from(signature);
  let s = GROUP_ORDER;
  for (let at = 0; at < 32; at++) {
    s += BigInt(copy[32 + at] ?? 0) << BigInt(8 * at);
  }
  for (let at = 0; at < 32; at++, s >>= 8n) copy[32 + at] = Number(s & 0xffn);
  return copy;
}

function withS(signature: Uint8Array, value: number): Buffer {
  return Buffer.from(signature).fill(value, 32);
}
