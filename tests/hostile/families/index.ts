/** Every field of the index block at every extreme. @module */

import { AGREE, refuseAtOpen, refuseAtVerify } from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";
import type { PackageDraft } from "../package_draft.ts";
import { EXTREME_NAMES, extremeValues } from "./extreme_values.ts";

const RANGE = ["format/bad-range", "format/too-large"] as const;
const TABLE = [
  "verify/slot-table-digest",
  "format/bad-slot",
  "format/bad-operations",
] as const;

/** What a wrong value of a field may be called. */
const FIELDS: Readonly<
  Record<string, { offset: number; expect: Expectation }>
> = {
  package_size: { offset: 8, expect: refuseAtOpen("format/bad-size") },
  launcher_size: {
    offset: 16,
    expect: refuseAtVerify(
      ...RANGE,
      "verify/launcher-digest",
      "format/bad-padding",
    ),
  },
  metadata_offset: {
    offset: 24,
    expect: refuseAtOpen(...RANGE, "verify/metadata-digest"),
  },
  metadata_size: {
    offset: 32,
    expect: refuseAtOpen(...RANGE, "verify/metadata-digest"),
  },
  slot_table_offset: {
    offset: 40,
    expect: {
      ...AGREE,
      verdict: "refuse",
      codes: [...RANGE, ...TABLE, "verify/slot-digest"],
    },
  },
  slot_table_size: { offset: 48, expect: refuseAtOpen(...RANGE) },
};

/** Cases about the index block, sealed and unsealed. */
export function indexCases(): HostileCase[] {
  return [true, false].flatMap((sealed) => [
    ...wordCases(sealed),
    ...countCases(sealed),
    ...versionCases(sealed),
    ...sumCases(sealed),
  ]);
}

function indexCase(
  name: string,
  expect: Expectation,
  draft: PackageDraft,
): HostileCase {
  const full = `${name}, ${draft.sealed ? "sealed" : "unsealed"}`;
  return {
    family: "index",
    name: full,
    expect,
    build: ({ launcher }) => writePackage(launcher, draft),
  };
}

function wordCases(sealed: boolean): HostileCase[] {
  return Object.entries(FIELDS).flatMap(([field, { offset, expect }]) =>
    EXTREME_NAMES.map((value) =>
      indexCase(`${field} is ${value}`, expect, {
        sealed,
        index: (index, { trailer, end }) => {
          const current = index.getBigUint64(offset, true);
          // A value that happens to be the right one is moved on: the case has to be wrong.
          const wrong = extremeValues(current, trailer, end).get(value) ??
            current + 2n;
          index.setBigUint64(offset, wrong, true);
        },
      })
    )
  );
}

function countCases(sealed: boolean): HostileCase[] {
  const counts = [0, 2, 3, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1];
  const expect = refuseAtOpen(...RANGE, ...TABLE);
  return counts.flatMap((count) => [
    indexCase(`slot_count is ${count}`, expect, {
      sealed,
      index: (index) => index.setUint32(56, count, true),
    }),
    indexCase(`slot_count is ${count} and the table size fits`, expect, {
      sealed,
      index: (index) => {
        index.setUint32(56, count, true);
        index.setBigUint64(48, BigInt(count) * 64n, true);
      },
    }),
  ]);
}

function versionCases(sealed: boolean): HostileCase[] {
  return [0, 1, 0x2025_0000, 0x2025_0002, 0x2026_0001, 0x0100_2520, 2 ** 32 - 1]
    .map((version) =>
      indexCase(
        `format_version is 0x${version.toString(16)}`,
        refuseAtOpen("format/bad-version"),
        {
          sealed,
          index: (index) => index.setUint32(0, version, true),
        },
      )
    );
}

/** The Adler-32 itself; zero does not mean "not set". */
function sumCases(sealed: boolean): HostileCase[] {
  const wrong = {
    "0": 0,
    "1": 1,
    "of an empty block": 0x2000_0001,
    "all ones": 2 ** 32 - 1,
  };
  return Object.entries(wrong).map(([name, sum]) =>
    indexCase(
      `index_checksum is ${name}`,
      refuseAtOpen("format/bad-checksum"),
      {
        sealed,
        file: (file, { trailer }) => {
          file.writeUInt32LE(sum, trailer + 8);
          return file;
        },
      },
    )
  );
}
