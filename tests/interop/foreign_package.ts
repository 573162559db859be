/**
 * Writes packages the way the existing Go, Rust and Python builders do, with
 * the quirks of each. It shares no code with `lib/`, so that a mistake there
 * cannot hide here.
 */

import { Buffer } from "node:buffer";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
} from "node:crypto";
import { gzipSync } from "node:zlib";

/** The builders whose packages are imitated. */
export type Builder = "go" | "rust" | "python";

/** A slot as handed to a builder. */
export interface ForeignSlot {
  readonly id: string;
  readonly target: string;
  /** The bytes as stored. */
  readonly stored: Uint8Array;
  /** The label in the metadata. */
  readonly operations: string;
  /** The packed chain in the descriptor. */
  readonly packed: bigint;
  readonly originalSize?: number;
  readonly selfRef?: boolean;
  readonly permissions?: string | null;
  readonly mode?: number;
}

/** What can be asked of the generator. */
export interface ForeignOptions {
  readonly builder: Builder;
  readonly slots: readonly ForeignSlot[];
  /** Python: alignment of the slots, 4096 or 1. */
  readonly alignment?: number;
  /** Replaces top-level keys of the metadata. */
  readonly metadata?: Record<string, unknown>;
  /** Changes the metadata text before it is signed. */
  readonly editJson?: (json: string) => string;
  /** Changes the descriptors before they are written. */
  readonly editTable?: (table: Uint8Array) => void;
  /** Changes the index before its checksum is computed. */
  readonly editIndex?: (index: DataView) => void;
}

const LAUNCHER = new TextEncoder().encode(
  "#!/bin/sh\nexit 0 # no real launcher\n",
);
const INDEX_SIZE = 8192;

const sha256 = (bytes: Uint8Array | string): Uint8Array =>
  new Uint8Array(createHash("sha256").update(bytes).digest());
const hex = (bytes: Uint8Array): string => bytes.toHex();

const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");
const PRIVATE_KEY = createPrivateKey({
  key: Buffer.concat([PKCS8, sha256("interop")]),
  format: "der",
  type: "pkcs8",
});
/** The raw public key of every generated package. */
export const PUBLIC_KEY = new Uint8Array(
  createPublicKey(PRIVATE_KEY).export({ format: "der", type: "spki" }).subarray(
    12,
  ),
);

/** Writes one package. */
export function makeForeignPackage(options: ForeignOptions): Uint8Array {
  const { builder, slots } = options;
  const rust = builder === "rust";
  const document = { ...DOCUMENTS[builder](slots), ...options.metadata };
  let json = JSON.stringify(document, undefined, 2);
  if (builder === "go") {
    json = json.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e");
  }
  json = options.editJson?.(json) ?? json;
  const gz = new Uint8Array(
    gzipSync(json, { level: builder === "python" ? 9 : 6 }),
  );

  const metadataOffset = LAUNCHER.length + (rust ? 8192 : 0);
  const tableOffset = Math.ceil((metadataOffset + gz.length) / 8) * 8;
  const alignment = builder === "python" ? options.alignment ?? 4096 : 8;
  const table = new Uint8Array(slots.length * 64);
  let end = tableOffset + table.length;
  const offsets = slots.map(({ stored, selfRef }) => {
    if (selfRef) return 0;
    const offset = Math.ceil(end / alignment) * alignment;
    end = offset + stored.length;
    return offset;
  });
  slots.forEach((slot, index) => {
    writeDescriptor(
      new DataView(table.buffer, index * 64, 64),
      slot,
      index,
      offsets[index] ?? 0,
      builder,
    );
  });
  options.editTable?.(table);

  const file = new Uint8Array(end + INDEX_SIZE + 8);
  file.set(LAUNCHER);
  file.set(gz, metadataOffset);
  file.set(table, tableOffset);
  slots.forEach(({ stored }, index) => file.set(stored, offsets[index] ?? 0));
  // A self-reference has no bytes, so nothing was written over the launcher.
  file.set([0xf0, 0x9f, 0x93, 0xa6], end);
  file.set([0xf0, 0x9f, 0xaa, 0x84], end + 4 + INDEX_SIZE);

  const index = new DataView(file.buffer, end + 4, INDEX_SIZE);
  index.setUint32(0, 0x20250001, true);
  const u64 = (at: number, value: number): void =>
    index.setBigUint64(at, BigInt(value), true);
  u64(8, file.length);
  u64(16, LAUNCHER.length);
  u64(24, metadataOffset);
  u64(32, gz.length);
  u64(40, builder === "python" && slots.length === 0 ? 0 : tableOffset);
  u64(48, table.length);
  index.setUint32(56, slots.length, true);
  const put = (at: number, bytes: Uint8Array): void =>
    file.set(bytes, end + 4 + at);
  put(64, PUBLIC_KEY);
  put(96, sha256(gz));
  put(128, new Uint8Array(sign(null, Buffer.from(json), PRIVATE_KEY)));
  if (builder !== "go") {
    index.setUint32(644, 4096, true);
    u64(832, builder === "python" ? 0x83 : 0x81);
    index.setUint32(856, 0x20250001, true);
    index.setUint32(860, 1, true);
  }
  options.editIndex?.(index);
  index.setUint32(
    4,
    adler(new Uint8Array(file.buffer, end + 4, INDEX_SIZE)),
    true,
  );
  return file;
}

/** A slot that is one plain file. */
export function fileSlot(
  id: string,
  text: string,
  target = `bin/${id}`,
): ForeignSlot {
  return {
    id,
    target,
    stored: new TextEncoder().encode(text),
    operations: "raw",
    packed: 0n,
    mode: 0o644,
    permissions: "0644",
  };
}

function writeDescriptor(
  view: DataView,
  slot: ForeignSlot,
  index: number,
  offset: number,
  builder: Builder,
): void {
  const short = (bytes: Uint8Array | string): bigint =>
    new DataView(sha256(bytes).buffer).getBigUint64(0, true);
  view.setBigUint64(0, BigInt(index), true);
  if (slot.selfRef && builder === "rust") return;
  view.setBigUint64(8, short(builder === "go" ? slot.target : slot.id), true);
  if (!slot.selfRef) {
    view.setBigUint64(16, BigInt(offset), true);
    view.setBigUint64(24, BigInt(slot.stored.length), true);
    const original = builder === "python" ? slot.originalSize : undefined;
    view.setBigUint64(32, BigInt(original ?? slot.stored.length), true);
    view.setBigUint64(40, slot.packed, true);
    view.setBigUint64(48, short(slot.stored), true);
  }
  view.setUint8(57, 2);
  view.setUint8(58, builder === "go" ? 128 : 1);
  view.setUint16(62, slot.mode ?? 0, true);
}

const checksumOf = (slot: ForeignSlot): string =>
  slot.selfRef ? "" : `sha256:${hex(sha256(slot.stored))}`;

const DOCUMENTS: Record<
  Builder,
  (slots: readonly ForeignSlot[]) => Record<string, unknown>
> = {
  go: (slots) => ({
    format: "PSPF/2025",
    format_version: "",
    package: { name: "demo", version: "1.2.3", description: "desc <x>" },
    slots: slots.map((slot, index) => ({
      slot: index,
      id: slot.id,
      source: `in/${slot.id}`,
      target: slot.target,
      size: slot.stored.length,
      checksum: checksumOf(slot),
      operations: slot.selfRef ? "" : slot.operations,
      purpose: "",
      lifecycle: "",
      resolution: "build",
      permissions: slot.permissions ?? "0600",
      ...(slot.selfRef && { self_ref: true }),
    })),
    execution: {
      primary_slot: 1,
      command: "sh {workenv}/bin/run",
      environment: { A: "go" },
    },
    verification: {
      integrity_seal: { required: true, algorithm: "ecdsa-p256" },
      signed: false,
      require_verification: false,
    },
    build: {
      tool: "flavor-go",
      tool_version: "1.0.0",
      timestamp: "2023-11-14T22:13:20Z",
      deterministic: false,
      platform: { os: "linux", arch: "amd64", host: "linux/amd64 build-host" },
    },
  }),
  rust: (slots) => ({
    format: "PSPF/2025",
    format_version: "1.0.0",
    package: { name: "demo", version: "1.2.3" },
    slots: slots.map((slot, index) => ({
      slot: index,
      id: slot.id,
      source: `in/${slot.id}`,
      target: slot.target,
      size: slot.stored.length,
      checksum: checksumOf(slot),
      operations: slot.selfRef ? "" : slot.operations,
      purpose: "tool",
      lifecycle: "runtime",
      permissions: slot.permissions ?? "0600",
      resolution: "build",
      ...(slot.selfRef && { self_ref: true }),
    })),
    execution: {
      primary_slot: 0,
      command: "sh {workenv}/bin/run",
      env: { B: "2", A: "rust" },
    },
    verification: {
      integrity_seal: { required: true, algorithm: "ed25519" },
      signed: true,
      require_verification: true,
    },
    build: {
      tool: "flavor-rs",
      tool_version: "0.3.0",
      timestamp: "2023-11-14T22:13:20.123456+00:00",
      deterministic: true,
      platform: { os: "macos", arch: "aarch64", host: "macos/aarch64" },
    },
    launcher: {
      tool: "flavor-rs-launcher",
      tool_version: "0.3.0",
      size: LAUNCHER.length,
      checksum: `sha256:${hex(sha256(LAUNCHER))}`,
      capabilities: ["mmap", "signed"],
    },
    compatibility: { min_format_version: "1.0.0", features: [] },
    runtime: {
      env: { unset: ["X"], map: { A: "B" }, set: { C: "D" }, pass: ["PATH"] },
    },
    workenv: {
      directories: [{ path: "{workenv}/tmp", mode: "0700" }],
      env: { T: "{workenv}" },
    },
    setup_commands: [],
  }),
  python: (slots) => ({
    format: "PSPF/2025",
    format_version: "1.0.0",
    package: { name: "demo", version: "1.2.3", description: "a d\u00e9mo" },
    slots: slots.map((slot, index) => ({
      slot: index,
      id: slot.id,
      source: `{workenv}/in/${slot.id}`,
      target: `{workenv}/${slot.target}`,
      size: 4096,
      checksum: checksumOf(slot),
      operations: slot.operations,
      purpose: "code",
      lifecycle: "cache",
      permissions: slot.permissions ?? null,
    })),
    execution: {},
    verification: {
      integrity_seal: { required: true, algorithm: "ed25519" },
      signed: true,
      require_verification: true,
      trust_signatures: { required: false },
    },
    build: {
      tool: "flavor-python",
      tool_version: "0.3.0",
      deterministic: true,
      platform: { os: "linux", arch: "amd64", host: "deterministic-build" },
      timestamp: "2025-01-01T00:00:00+00:00",
    },
    launcher: {
      tool: "launcher",
      tool_version: "unknown",
      size: LAUNCHER.length,
      checksum: `sha256:sha256:${hex(sha256(LAUNCHER))}`,
      capabilities: ["mmap", "async", "sandbox"],
    },
    compatibility: {
      min_format_version: "1.0.0",
      features: ["workenv_dirs", "runtime_env"],
    },
  }),
};

/** The slow, obvious way. */
function adler(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
