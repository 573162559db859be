/**
 * Writes packages byte by byte, right or wrong, independent of `lib/` and `native/`: a mistake in their
 * reading of the format must not repeat itself here.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { describePackage } from "./metadata_document.ts";
import type { Json } from "./metadata_document.ts";
import { ATTACKER, sha256 } from "./signing_key.ts";
import type { Signer } from "./signing_key.ts";

/** One slot; what is left out is right. */
export interface SlotDraft {
  /** The bytes in the file. */
  readonly stored: Uint8Array;
  /** Where the content goes. */
  readonly target?: string;
  /** The chain as the JSON spells it. */
  readonly operations?: string;
  /** The packed chain of the descriptor. */
  readonly chain?: bigint;
  /** Length before the chain; the stored length when absent. */
  readonly originalSize?: bigint;
  /** Lifecycle in the JSON. */
  readonly lifecycle?: string;
  /** Permission bits. */
  readonly permissions?: number;
  /** Fields of the JSON entry to add or replace. */
  readonly json?: Readonly<Record<string, Json>>;
}

/** Where the sections of a package lie, in bytes from its start. */
export interface Sections {
  readonly metadata: number;
  readonly table: number;
  readonly slots: readonly number[];
  readonly trailer: number;
  readonly end: number;
}

/**
 * What is wrong with a package.
 *
 * The hooks run in the order of the fields. Whatever is computed from the changed part (digests, signature,
 * seal, checksum) is computed after the change: the attacker has a key and knows the format.
 */
export interface PackageDraft {
  readonly slots?: readonly SlotDraft[];
  readonly signer?: Signer;
  /** Changes the metadata document. */
  readonly document?: (document: Record<string, Json>) => void;
  /** Replaces the JSON text. */
  readonly json?: (json: string) => string | Uint8Array;
  /** Replaces the gzip stream of the metadata. */
  readonly metadata?: (json: Uint8Array) => Uint8Array;
  /** Changes the slot table. */
  readonly table?: (table: DataView, sections: Sections) => void;
  /** Changes the index block before it is sealed. */
  readonly index?: (index: DataView, sections: Sections) => void;
  /** Changes the 512 seal bytes before they are signed. */
  readonly seal?: (seal: DataView) => void;
  /** Whether there is a seal. Default: true. */
  readonly sealed?: boolean;
  /** Changes the index block after it was sealed; the Adler-32 is right again afterwards. */
  readonly afterSeal?: (index: DataView, sections: Sections) => void;
  /** Changes the finished file. */
  readonly file?: (file: Buffer, sections: Sections) => Uint8Array;
}

/** The slot of a case that attacks something else. */
const HELLO: SlotDraft = {
  stored: Buffer.from("hello world\n"),
  target: "share/hello.txt",
};

const INDEX_SIZE = 8192;
const SEAL_OFFSET = 864;
const START_MARKER = Buffer.from("f09f93a6", "hex");
const END_MARKER = Buffer.from("f09faa84", "hex");

/**
 * Writes a package.
 *
 * @param launcher The bytes at its front.
 * @param draft What is wrong with it.
 * @returns The whole file.
 */
export function writePackage(
  launcher: Uint8Array,
  draft: PackageDraft = {},
): Uint8Array {
  const slots = draft.slots ?? [HELLO];
  const document = describePackage(launcher, slots);
  draft.document?.(document);
  const text = JSON.stringify(document);
  const json = Buffer.from(draft.json?.(text) ?? text);
  const metadata = draft.metadata?.(json) ?? gzipSync(json);

  const sections = layOut(launcher.length, metadata.length, slots);
  const table = encodeTable(slots, sections);
  draft.table?.(viewOf(table), sections);
  const index = encodeIndex(draft, {
    launcher,
    json,
    metadata,
    table,
    sections,
  });

  const file = Buffer.alloc(sections.end);
  file.set(launcher, 0);
  file.set(metadata, sections.metadata);
  file.set(table, sections.table);
  slots.forEach((slot, at) => file.set(slot.stored, sections.slots[at]));
  file.set(START_MARKER, sections.trailer);
  file.set(index, sections.trailer + 4);
  file.set(END_MARKER, sections.end - 4);
  return draft.file?.(file, sections) ?? file;
}

/** A view over exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes the Adler-32 of an index block into it. */
export function setIndexChecksum(index: Uint8Array): void {
  const view = viewOf(index);
  view.setUint32(4, 0, true);
  let a = 1;
  let b = 0;
  for (const byte of index) {
    a = (a + byte) % 65_521;
    b = (b + a) % 65_521;
  }
  view.setUint32(4, b * 0x1_0000 + a, true);
}

function layOut(
  launcher: number,
  metadata: number,
  slots: readonly SlotDraft[],
): Sections {
  const table = align(launcher + metadata);
  let end = table + slots.length * 64;
  const offsets = slots.map((slot) => {
    const start = align(end);
    end = start + slot.stored.length;
    return start;
  });
  return {
    metadata: launcher,
    table,
    slots: offsets,
    trailer: end,
    end: end + INDEX_SIZE + 8,
  };
}

function align(offset: number): number {
  return Math.ceil(offset / 8) * 8;
}

function encodeTable(slots: readonly SlotDraft[], sections: Sections): Buffer {
  const table = Buffer.alloc(slots.length * 64);
  slots.forEach((slot, at) => {
    const view = new DataView(table.buffer, table.byteOffset + at * 64, 64);
    const length = BigInt(slot.stored.length);
    view.setBigUint64(0, BigInt(at), true);
    table.set(sha256(Buffer.from(`slot${at}`)).subarray(0, 8), at * 64 + 8);
    view.setBigUint64(16, BigInt(sections.slots[at] ?? 0), true);
    view.setBigUint64(24, length, true);
    view.setBigUint64(32, slot.originalSize ?? length, true);
    view.setBigUint64(40, slot.chain ?? 0n, true);
    table.set(sha256(slot.stored).subarray(0, 8), at * 64 + 48);
    view.setUint8(57, 2);
    view.setUint8(58, 128);
    view.setUint16(62, slot.permissions ?? 0o644, true);
  });
  return table;
}

interface Parts {
  readonly launcher: Uint8Array;
  readonly json: Uint8Array;
  readonly metadata: Uint8Array;
  readonly table: Uint8Array;
  readonly sections: Sections;
}

function encodeIndex(draft: PackageDraft, parts: Parts): Buffer {
  const { sections, table } = parts;
  const signer = draft.signer ?? ATTACKER;
  const index = Buffer.alloc(INDEX_SIZE);
  const view = viewOf(index);
  view.setUint32(0, 0x2025_0001, true);
  const u64 = [
    sections.end,
    parts.launcher.length,
    sections.metadata,
    parts.metadata.length,
  ];
  u64.push(sections.table, table.length);
  u64.forEach((value, at) =>
    view.setBigUint64(8 + at * 8, BigInt(value), true)
  );
  view.setUint32(56, table.length / 64, true);
  index.set(signer.publicKey, 64);
  index.set(sha256(parts.metadata), 96);
  index.set(signer.sign(parts.json), 128);
  view.setUint8(640, 2);
  view.setUint8(641, 1);
  view.setUint32(644, 4096, true);
  view.setBigUint64(832, 0x81n, true);
  view.setUint32(856, 0x2025_0001, true);
  view.setUint32(860, 1, true);
  index.set(START_MARKER, INDEX_SIZE - 4);
  draft.index?.(view, sections);
  if (draft.sealed ?? true) sealIndex(index, draft, parts, signer);
  draft.afterSeal?.(view, sections);
  setIndexChecksum(index);
  return index;
}

function sealIndex(
  index: Buffer,
  draft: PackageDraft,
  parts: Parts,
  signer: Signer,
): void {
  const seal = index.subarray(SEAL_OFFSET, SEAL_OFFSET + 512);
  const view = viewOf(seal);
  seal.set(Buffer.from("PSPFSEAL"), 0);
  view.setUint16(8, 1, true);
  view.setUint16(10, 1, true);
  seal.set(sha256(parts.launcher), 16);
  seal.set(sha256(parts.table), 48);
  draft.seal?.(view);
  const message = Buffer.concat([Buffer.from("PSPF-SEAL-1\0"), index]);
  message.fill(0, 12 + 4, 12 + 8);
  message.fill(0, 12 + SEAL_OFFSET + 112, 12 + SEAL_OFFSET + 176);
  seal.set(signer.sign(message), 112);
}
