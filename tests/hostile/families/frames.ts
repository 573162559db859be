/** Frame tables that say something else than the slot. @module */

import { Buffer } from "node:buffer";
import { zstdCompressSync } from "node:zlib";
import { ACCEPT, AGREE, refuseAtOpen } from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import type { Json } from "../metadata_document.ts";
import { writePackage } from "../package_draft.ts";
import type { SlotDraft } from "../package_draft.ts";
import { sha256 } from "../signing_key.ts";

interface Table {
  readonly stored: readonly Json[];
  readonly content: readonly Json[];
  readonly digests: Json;
}

const PARTS = [Buffer.alloc(3000, "first "), Buffer.alloc(2000, "second ")];
const FRAMES = PARTS.map((part) => zstdCompressSync(part));
const ZSTD: SlotDraft = {
  stored: Buffer.concat(FRAMES),
  target: "a",
  operations: "zstd",
  chain: 0x1bn,
  originalSize: 5000n,
};
const RAW: SlotDraft = { stored: Buffer.concat(PARTS), target: "a" };

function tableOf(
  parts: readonly Uint8Array[],
  content: readonly number[],
): Table {
  const digests = parts.map((part) => sha256(part).subarray(0, 16));
  return {
    stored: parts.map(({ length }) => length),
    content,
    digests: Buffer.concat(digests).toString("base64"),
  };
}

const RIGHT = tableOf(FRAMES, [3000, 2000]);
const RIGHT_RAW = tableOf(PARTS, [3000, 2000]);
const [first = 0, second = 0] = FRAMES.map(({ length }) => length);

/** The slot's own digest is right: whoever reads it whole need not look at frames. */
const ANY: Expectation = { verdict: "any", stage: "extract", codes: [] };

/** Cases about the frame table of a slot. */
export function framesCases(): HostileCase[] {
  const metadata = refuseAtOpen("format/bad-metadata", "format/bad-slot");
  const slot = refuseAtOpen("format/bad-slot", "format/bad-metadata");
  const other = (change: Partial<Table>): Table => ({ ...RIGHT, ...change });
  const cases: readonly (readonly [string, Json, Expectation, SlotDraft?])[] = [
    ["right", json(RIGHT), ACCEPT],
    ["right, of a raw slot", json(RIGHT_RAW), ACCEPT, RAW],
    ["null", null, AGREE],
    ["no object", [], metadata],
    ["empty", {}, metadata],
    [
      "without digests",
      { stored: [first, second], content: [3000, 2000] },
      metadata,
    ],
    ["of no frames", json({ stored: [], content: [], digests: "" }), metadata],
    ["of one frame", json(tableOf([ZSTD.stored], [5000])), metadata],
    ["of two lengths", json(other({ content: [5000] })), metadata],
    ["of text", json(other({ stored: ["1", "2"] })), metadata],
    [
      "of fractions",
      json(other({ stored: [first - 0.5, second + 0.5] })),
      metadata,
    ],
    [
      "of negative sizes",
      json(other({ stored: [first + second + 1, -1] })),
      metadata,
    ],
    [
      "of sizes beyond 2^53",
      json(other({ stored: [2 ** 60, second] })),
      metadata,
    ],
    ["of empty frames", json(other({ stored: [first + second, 0] })), metadata],
    [
      "with digests that are no base64",
      json(other({ digests: "!!!!" })),
      metadata,
    ],
    [
      "with a digest too few",
      json(other({ digests: "AAAAAAAAAAAAAAAAAAAAAA==" })),
      metadata,
    ],
    [
      "with stored sizes that do not add up",
      json(other({ stored: [first, second + 1] })),
      slot,
    ],
    [
      "with contents that do not add up",
      json(other({ content: [3000, 2001] })),
      slot,
    ],
    [
      "of a raw slot that is compressed",
      json({ ...RIGHT_RAW, content: [2000, 3000] }),
      slot,
      RAW,
    ],
    [
      "of a gzip slot",
      json(RIGHT),
      refuseAtOpen("format/bad-slot", "format/bad-metadata"),
      {
        ...ZSTD,
        operations: "gzip",
        chain: 0x10n,
      },
    ],
    [
      "cut in the middle of a frame",
      json({ ...RIGHT, stored: [first - 1, second + 1] }),
      ANY,
    ],
    [
      "with contents exchanged",
      json(other({ content: [2000, 3000] })),
      ANY,
    ],
  ];
  return cases.map(([name, frames, expect, draft = ZSTD]) => ({
    family: "frames",
    name: `table ${name}`,
    expect,
    build: ({ launcher }) =>
      writePackage(launcher, { slots: [{ ...draft, json: { frames } }] }),
  }));
}

function json({ stored, content, digests }: Table): Json {
  return { stored: [...stored], content: [...content], digests };
}
