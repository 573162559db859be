import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Json } from "../../hostile/metadata_document.ts";
import { type SlotDraft, writePackage } from "../../hostile/package_draft.ts";
import { tarArchive, type TarMember } from "../../hostile/tar_bytes.ts";
import { launcherPath } from "./launcher_path.ts";

/** Frames are this short so that small slots have several of them. */
const FRAME_SIZE = 96 * 1024;

interface Encoding {
  /** Packed chain of the descriptor. */
  readonly chain: bigint;
  readonly encode: (content: Uint8Array) => Uint8Array;
}

const ENCODINGS = {
  tar: { chain: 0x01n, encode: (content) => content },
  gzip: { chain: 0x10n, encode: (content) => gzipSync(content) },
  zstd: { chain: 0x1bn, encode: zstdFrames },
  "tar.zst": { chain: 0x1b01n, encode: zstdFrames },
} as const satisfies Readonly<Record<string, Encoding>>;

/** The program: only built-in commands of the shell, so that it makes no process of its own. */
const PROGRAM = `#!/bin/sh
read -r line <"$FLAVOR_WORKENV/share/hello.txt"
printf '%s\\n' "$line" "$@"
`;

/** What the sample prints when it is started with these arguments. */
export function sampleOutput(...args: readonly string[]): string {
  return ["hello from a slot", ...args].map((line) => `${line}\n`).join("");
}

/** What a sample may be different in. */
export interface SampleOptions {
  /** Goes into the metadata; another name is another package. */
  readonly name?: string;
  /** Replaces the setup commands. */
  readonly setup?: readonly Json[];
  /** Files in the zstd tar slot. */
  readonly files?: number;
  /** Replaces the command. */
  readonly command?: string;
}

/**
 * Writes a package that has something of everything: a raw file, a tar with
 * links and a read-only directory, a zstd tar of several frames, zstd and gzip
 * files, an init and a config slot, directories and setup commands.
 *
 * @param path Absolute path of the package to write.
 * @param options What is different.
 */
export function writeSamplePackage(
  path: string,
  options: SampleOptions = {},
): void {
  const { name = "sample", files = 40, command = "{workenv}/bin/app" } =
    options;
  const bytes = writePackage(readFileSync(launcherPath()), {
    slots: sampleSlots(files),
    document: (document) => {
      document["package"] = { name, version: "1.0.0" };
      document["execution"] = { primary_slot: 0, command };
      document["workenv"] = {
        directories: [{ path: "var/log", mode: "0700" }, {
          path: "var/run",
          mode: "0750",
        }],
      };
      document["setup_commands"] = [...(options.setup ?? SETUP)];
    },
  });
  writeFileSync(path, bytes);
  chmodSync(path, 0o755);
}

const SETUP: readonly Json[] = [
  {
    type: "write_file",
    path: "{workenv}/var/generated.txt",
    content: "generated\n",
    mode: "0640",
  },
  {
    type: "execute",
    command: "cp {workenv}/setup/seed.txt {workenv}/var/seed.txt",
  },
  { type: "chmod", path: "{workenv}/var/seed.txt", mode: "0400" },
];

function sampleSlots(files: number): readonly SlotDraft[] {
  const links = tarArchive(
    { name: "lib/", type: "5", mode: 0o755 },
    { name: "lib/real.txt", body: Buffer.from("real\n") },
    { name: "lib/link.txt", type: "2", link: "real.txt", mode: 0o777 },
    { name: "lib/dangling", type: "2", link: "nowhere", mode: 0o777 },
    { name: "lib/empty", mode: 0o600 },
    { name: "lib/fixed/", type: "5", mode: 0o555 },
    { name: "lib/fixed/tool", body: Buffer.from("#!/bin/sh\n"), mode: 0o555 },
  );
  return [
    { stored: Buffer.from(PROGRAM), target: "bin/app", permissions: 0o755 },
    slot("tar", links, "{workenv}"),
    slot("tar.zst", tarArchive(...manyFiles(files)), "{workenv}"),
    slot("zstd", noise("big", 600_000), "share/big.bin"),
    slot("gzip", Buffer.from("hello from a slot\n"), "share/hello.txt"),
    {
      stored: Buffer.from("seed\n"),
      target: "setup/seed.txt",
      lifecycle: "init",
    },
    {
      stored: Buffer.from("key = 1\n"),
      target: "etc/app.conf",
      lifecycle: "config",
    },
  ];
}

function slot(
  operations: keyof typeof ENCODINGS,
  content: Uint8Array,
  target: string,
): SlotDraft {
  const { chain, encode } = ENCODINGS[operations];
  const originalSize = BigInt(content.length);
  return { stored: encode(content), target, operations, chain, originalSize };
}

function manyFiles(count: number): readonly TarMember[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `data/${at % 5}/file-${at}.bin`,
    body: noise(String(at), at === 0 ? 300_000 : 1000 + at * 37),
  }));
}

/** Independent frames, as the builder writes them. */
function zstdFrames(content: Uint8Array): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += FRAME_SIZE) {
    parts.push(zstdCompressSync(content.subarray(at, at + FRAME_SIZE)));
  }
  return Buffer.concat(parts);
}

/** Bytes that look random and depend only on the seed. */
function noise(seed: string, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at * 32 < length; at++) {
    blocks.push(createHash("sha256").update(`${seed} ${at}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}
