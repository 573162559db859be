/** Seals and signatures that are damaged, stripped or forged. @module */

import { Buffer } from "node:buffer";
import { ACCEPT, refuseAtOpen, refuseAtVerify } from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";
import type { PackageDraft } from "../package_draft.ts";

const SEAL = 864;
const BAD_SEAL = refuseAtOpen("format/bad-seal");
const WRONG_SEAL = refuseAtOpen("verify/seal");

/** Cases about the seal and what it binds. */
export function sealCases(): HostileCase[] {
  return [...fieldCases(), ...tamperedIndexCases(), ...boundPartCases()];
}

function sealCase(
  name: string,
  expect: Expectation,
  draft: PackageDraft,
): HostileCase {
  const build: HostileCase["build"] = ({ launcher }) =>
    writePackage(launcher, draft);
  return { family: "seal", name, expect, build };
}

/** Fields at values that a later version might give a meaning. */
function fieldCases(): HostileCase[] {
  const cases: HostileCase[] = [];
  for (const value of [0, 2, 255, 65_535]) {
    const set = (offset: number) => (seal: DataView) =>
      seal.setUint16(offset, value, true);
    cases.push(sealCase(`version is ${value}`, BAD_SEAL, { seal: set(8) }));
    cases.push(sealCase(`algorithm is ${value}`, BAD_SEAL, { seal: set(10) }));
  }
  for (const at of [12, 15, 80, 111, 176, 300, 511]) {
    const seal = (seal: DataView): void => seal.setUint8(at, 1);
    cases.push(sealCase(`reserved byte ${at} is set`, BAD_SEAL, { seal }));
  }
  cases.push(
    sealCase(
      "slot table digest is wrong",
      refuseAtOpen("verify/slot-table-digest"),
      {
        seal: (seal) => seal.setUint8(48, seal.getUint8(48) ^ 1),
      },
    ),
    sealCase(
      "launcher digest is wrong",
      refuseAtVerify("verify/launcher-digest"),
      {
        seal: (seal) => seal.setUint8(16, seal.getUint8(16) ^ 1),
      },
    ),
    sealCase(
      "a seal that the metadata announces is missing",
      refuseAtOpen("verify/unsealed"),
      {
        sealed: false,
        document: (document): void => {
          document["compatibility"] = { features: ["seal-1"] };
        },
      },
    ),
    sealCase("foreign bytes instead of a seal", ACCEPT, {
      sealed: false,
      index: (index) => index.setUint32(SEAL, 0xdead_beef, true),
    }),
  );
  return cases;
}

/** Changes after sealing, with a right Adler-32: only the seal can notice. */
function tamperedIndexCases(): HostileCase[] {
  const bytes = [
    20,
    61,
    641,
    648,
    700,
    704,
    712,
    744,
    808,
    832,
    848,
    856,
    860,
    1376,
    5000,
    8191,
  ];
  const cases = bytes.map((at) =>
    sealCase(
      `index byte ${at} changed after sealing`,
      refuseAtOpen(
        "verify/seal",
        "format/bad-range",
        "format/too-large",
      ),
      {
        afterSeal: (index) => index.setUint8(at, index.getUint8(at) ^ 1),
      },
    )
  );
  for (const at of [SEAL + 16, SEAL + 48, SEAL + 112, SEAL + 175]) {
    cases.push(
      sealCase(`seal byte ${at - SEAL} changed after sealing`, WRONG_SEAL, {
        afterSeal: (index) => index.setUint8(at, index.getUint8(at) ^ 1),
      }),
    );
  }
  cases.push(sealCase("seal signature of zeros", WRONG_SEAL, {
    afterSeal: (index) =>
      new Uint8Array(index.buffer, index.byteOffset + SEAL + 112, 64).fill(0),
  }));
  return cases;
}

/** Parts outside of the index that the seal answers for. */
function boundPartCases(): HostileCase[] {
  const flip = (
    at: (sections: { metadata: number; table: number }) => number,
  ): PackageDraft => ({
    file: (file, sections) => {
      file[at(sections)] = (file[at(sections)] ?? 0) ^ 1;
      return file;
    },
  });
  return [
    // The last launcher byte: an ELF loader never looks at it, so that the file still starts.
    sealCase(
      "launcher changed",
      refuseAtVerify("verify/launcher-digest"),
      flip(({ metadata }) => metadata - 1),
    ),
    sealCase(
      "slot table changed",
      refuseAtOpen("verify/slot-table-digest"),
      flip(({ table }) => table + 32),
    ),
    sealCase(
      "metadata changed",
      refuseAtOpen("verify/metadata-digest"),
      flip(({ metadata }) => metadata + 30),
    ),
    sealCase(
      "padding between slots is not zero",
      refuseAtVerify("format/bad-padding"),
      {
        slots: ["a", "b"].map((target) => ({
          stored: Buffer.from("thirteen long"),
          target,
        })),
        file: (file, { slots }) => {
          file[(slots[1] ?? 0) - 1] = 1;
          return file;
        },
      },
    ),
  ];
}
