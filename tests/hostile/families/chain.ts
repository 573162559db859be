/** Operation chains: unknown codes, holes, every order. @module */

import { Buffer } from "node:buffer";
import { AGREE, refuseAtOpen } from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";

const BAD = refuseAtOpen("format/bad-operations");

/** The codes that version 0 of the format knows. */
const KNOWN = new Map([
  [0x00, "raw"],
  [0x01, "tar"],
  [0x10, "gzip"],
  [0x13, "bzip2"],
  [0x16, "xz"],
  [
    0x1b,
    "zstd",
  ],
]);

/** Cases about the packed chain. */
export function chainCases(): HostileCase[] {
  return [...codeCases(), ...holeCases(), ...orderCases()];
}

function chainCase(
  name: string,
  chain: bigint,
  operations: string,
  expect: Expectation,
): HostileCase {
  const stored = Buffer.from("not compressed and not a tar\n");
  return {
    family: "chain",
    name,
    expect,
    build: ({ launcher }) =>
      writePackage(launcher, { slots: [{ stored, chain, operations }] }),
  };
}

function codeCases(): HostileCase[] {
  return Array.from({ length: 256 }, (_, code) => {
    const known = KNOWN.get(code);
    // A known code fails later: the stored bytes are not what the chain says.
    const expect = known === undefined ? BAD : AGREE;
    const name = `operation 0x${code.toString(16).padStart(2, "0")}`;
    return chainCase(name, BigInt(code), known ?? "raw", expect);
  });
}

function holeCases(): HostileCase[] {
  const chains = [
    0x1000n,
    0x10_0000n,
    0x10_0001n,
    0x1_0010n,
    0x1000_0000_0000_0000n,
    0x1000_0000_0000_0001n,
    0x10_0010_0010_0010n,
    0xff00_0000_0000_0000n,
    0x8000_0000_0000_0000n,
    2n ** 64n - 1n,
  ];
  return chains.map((chain) =>
    chainCase(`chain 0x${chain.toString(16)}`, chain, "raw", BAD)
  );
}

/** Well formed chains that no builder writes. */
function orderCases(): HostileCase[] {
  const chains: readonly (readonly [bigint, string])[] = [
    [0x0110n, "gzip|tar"],
    [0x0101n, "tar|tar"],
    [0x1010n, "gzip|gzip"],
    [0x1b1001n, "tar|gzip|zstd"],
    [0x1001_10n, "gzip|tar|gzip"],
    [0x1010_1010_1010_1010n, "gzip|gzip|gzip|gzip|gzip|gzip|gzip|gzip"],
    [0x101b_1613_1010_1b01n, "tar|zstd|gzip|gzip|bzip2|xz|zstd|gzip"],
  ];
  return chains.map(([chain, operations]) =>
    chainCase(`chain ${operations}`, chain, operations, AGREE)
  );
}
