/** Every field of a slot descriptor at every extreme, and overlapping sections. @module */

import { Buffer } from "node:buffer";
import {
  ACCEPT,
  AGREE,
  refuseAtExtract,
  refuseAtOpen,
} from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";
import type { PackageDraft, SlotDraft } from "../package_draft.ts";
import { EXTREME_NAMES, extremeValues } from "./extreme_values.ts";

const SLOTS: readonly SlotDraft[] = [
  { stored: Buffer.from("first slot, sixteen bytes and more\n"), target: "a" },
  { stored: Buffer.from("second slot, of another length\n"), target: "b" },
];
const RANGE = ["format/bad-range", "format/too-large"] as const;

/** Cases about the slot table. */
export function descriptorCases(): HostileCase[] {
  return [true, false].flatMap((sealed) => [
    ...wordCases(sealed),
    ...disagreementCases(sealed),
    ...overlapCases(sealed),
    ...harmlessCases(sealed),
  ]).concat(countCases());
}

function slotCase(
  name: string,
  expect: Expectation,
  draft: PackageDraft,
): HostileCase {
  const full = `${name}, ${draft.sealed ? "sealed" : "unsealed"}`;
  const build: HostileCase["build"] = ({ launcher }) =>
    writePackage(launcher, { slots: SLOTS, ...draft });
  return { family: "descriptor", name: full, expect, build };
}

function wordCases(sealed: boolean): HostileCase[] {
  const codes = [
    ...RANGE,
    "format/bad-slot",
    "verify/slot-digest",
    // What the slot no longer begins with is then between the sections.
    ...(sealed ? ["format/bad-padding"] : []),
  ];
  return [["offset", 16], ["size", 24]].flatMap(([field, at]) =>
    EXTREME_NAMES.map((value) =>
      slotCase(`${field} is ${value}`, { ...refuseAtExtract(...codes) }, {
        sealed,
        table: (table, { trailer, end }) => {
          const current = table.getBigUint64(Number(at), true);
          const wrong = extremeValues(current, trailer, end).get(value) ??
            current + 2n;
          table.setBigUint64(Number(at), wrong, true);
        },
      })
    )
  );
}

/** The table and the signed JSON tell different stories. */
function disagreementCases(sealed: boolean): HostileCase[] {
  const badSlot = sealed
    ? refuseAtOpen("format/bad-slot", "format/bad-operations")
    : AGREE;
  const digest = refuseAtExtract(
    "verify/slot-digest",
    "format/bad-slot",
    "format/bad-metadata",
  );
  const json = (
    json: SlotDraft["json"],
  ): SlotDraft[] => [{ ...SLOTS[0] as SlotDraft, ...json && { json } }];
  return [
    slotCase("JSON size differs", badSlot, {
      sealed,
      slots: json({ size: 1 }),
    }),
    slotCase("JSON operations differ", badSlot, {
      sealed,
      slots: json({ operations: "gzip" }),
    }),
    slotCase("JSON operations are unknown", badSlot, {
      sealed,
      slots: json({ operations: "frob" }),
    }),
    slotCase("JSON permissions differ", badSlot, {
      sealed,
      slots: json({ permissions: "0755" }),
    }),
    slotCase("JSON has one slot more", refuseAtOpen("format/bad-slot"), {
      sealed,
      document: (document) =>
        (document["slots"] as unknown[]).push(
          (document["slots"] as unknown[])[0],
        ),
    }),
    slotCase("JSON has one slot less", refuseAtOpen("format/bad-slot"), {
      sealed,
      document: (document) => (document["slots"] as unknown[]).pop(),
    }),
    slotCase(
      "descriptor checksum is wrong",
      refuseAtExtract("verify/slot-digest"),
      {
        sealed,
        table: (table) => table.setBigUint64(48, 1n, true),
      },
    ),
    ...[
      "",
      "sha256:",
      "sha256:00",
      `sha256:${"0".repeat(64)}`,
      `sha256:${"g".repeat(64)}`,
      "0".repeat(64),
      `md5:${"0".repeat(32)}`,
      "adler32:00000000",
      `sha512:${"0".repeat(128)}`,
    ].map((checksum) =>
      slotCase(`JSON checksum is "${checksum.slice(0, 16)}"`, digest, {
        sealed,
        slots: json({ checksum }),
      })
    ),
    slotCase("self_ref slot with bytes", {
      ...digest,
      codes: [...digest.codes, "format/bad-range"],
    }, {
      sealed,
      slots: json({ self_ref: true, checksum: "" }),
    }),
  ];
}

function overlapCases(sealed: boolean): HostileCase[] {
  const overlap = sealed
    ? refuseAtOpen("format/bad-range", "format/bad-slot")
    : AGREE;
  const moveTo = (
    name: string,
    offset: (sections: { metadata: number; table: number }) => number,
  ) =>
    slotCase(
      `slot 0 lies on ${name}`,
      overlap.verdict === "refuse"
        ? overlap
        : refuseAtExtract("verify/slot-digest"),
      {
        sealed,
        table: (table, sections) =>
          table.setBigUint64(16, BigInt(offset(sections)), true),
      },
    );
  return [
    moveTo("the launcher", () => 0),
    moveTo("the metadata", ({ metadata }) => metadata),
    moveTo("the slot table", ({ table }) => table),
    slotCase("slot 1 lies on slot 0 and says so", overlap, {
      sealed,
      slots: [SLOTS[0] as SlotDraft, {
        stored: (SLOTS[0] as SlotDraft).stored,
        target: "b",
      }],
      table: (table) =>
        table.setBigUint64(64 + 16, table.getBigUint64(16, true), true),
    }),
  ];
}

/** Fields that no reader may rely on. */
function harmlessCases(sealed: boolean): HostileCase[] {
  return [
    slotCase("ids and name hashes are arbitrary", ACCEPT, {
      sealed,
      table: (table) => {
        table.setBigUint64(0, 0x7bn, true);
        table.setBigUint64(8, 2n ** 64n - 1n, true);
        table.setBigUint64(64, 0x8b1fn, true);
      },
    }),
    slotCase("purpose, lifecycle and priority bytes are unknown", ACCEPT, {
      sealed,
      table: (table) => [56, 57, 58].forEach((at) => table.setUint8(at, 255)),
    }),
    slotCase("no slots at all", ACCEPT, { sealed, slots: [] }),
    slotCase("no slots and a table offset beyond the file", ACCEPT, {
      sealed,
      slots: [],
      index: (index) => index.setBigUint64(40, 2n ** 64n - 1n, true),
    }),
    slotCase("a slot without bytes", ACCEPT, {
      sealed,
      slots: [{ stored: Buffer.alloc(0), target: "empty" }],
    }),
    ...["4755", "2755", "1777", "177777"].map((permissions) =>
      slotCase(`permissions are ${permissions}`, AGREE, {
        sealed,
        slots: [{
          stored: Buffer.from("x"),
          target: "x",
          permissions: parseInt(permissions, 8),
        }],
      })
    ),
  ];
}

/** As many slots as the index can count; `self_ref` spares them their digests, `dev` the workenv. */
function countCases(): HostileCase[] {
  const slots = (count: number): SlotDraft[] =>
    Array.from({ length: count }, (_, at) => ({
      stored: Buffer.alloc(0),
      target: `${at}`,
      lifecycle: "dev",
      json: {
        source: "",
        purpose: "",
        resolution: "",
        checksum: "",
        self_ref: true,
      },
    }));
  return [
    {
      ...slotCase("65,535 slots", ACCEPT, {
        sealed: true,
        slots: slots(65_535),
      }),
      heavy: true,
    },
    {
      ...slotCase("65,536 slots", refuseAtOpen(...RANGE), {
        sealed: true,
        slots: slots(65_536),
      }),
      heavy: true,
    },
  ];
}
