import type { RandomAccessSource } from "../io/random_access_source.ts";

/** Where libraries are looked for, and where the file says so. */
export interface ElfRunPath {
  /** Directories, separated by colons. */
  readonly text: string;
  /** Offset of the text in the file. */
  readonly offset: number;
  /** Offset of the entry's tag in the file. */
  readonly tagOffset: number;
  /** DT_RUNPATH, which does not count for libraries of libraries; else DT_RPATH. */
  readonly isRunPath: boolean;
}

/** What an ELF file of 64 bits says about what it needs. */
export interface ElfFile {
  /** Architecture; `undefined` for one that there are no launchers for. */
  readonly arch: "amd64" | "arm64" | undefined;
  /** The program that loads it, where it names one. */
  readonly interpreter: string | undefined;
  /** Names of the libraries that it needs. */
  readonly needed: readonly string[];
  readonly runPath: ElfRunPath | undefined;
  /** Versions of symbols that it needs, such as `GLIBC_2.34`, by library. */
  readonly versions: ReadonlyMap<string, readonly string[]>;
}

const ARCHS: Readonly<Record<number, "amd64" | "arm64">> = {
  62: "amd64",
  183: "arm64",
};
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const PT_INTERP = 3;
const DT = { needed: 1, strtab: 5, strsz: 10, rpath: 15, runpath: 29 } as const;
const DT_VERNEED = 0x6ffffffe;
const DT_VERNEEDNUM = 0x6fffffff;
/** Tables of real programs are far smaller. */
const MAX_TABLE = 64 * 1024 * 1024;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

/** Tells an ELF file of 64 bits, little endian, from its first bytes. */
export function isElf(head: Uint8Array): boolean {
  return head.length >= 64 && head[0] === 0x7f && head[1] === 0x45 &&
    head[2] === 0x4c && head[3] === 0x46 && head[4] === 2 && head[5] === 1;
}

/** Reads what a program or library needs; `undefined` for what is no ELF file. */
export async function readElf(
  file: RandomAccessSource,
): Promise<ElfFile | undefined> {
  if (file.size < 64) return undefined;
  const head = await file.read(0, 64);
  if (!isElf(head)) return undefined;
  try {
    return await readParts(file, viewOf(head));
  } catch (error) {
    // Cut or made up: not a program that can be judged.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

async function readParts(
  file: RandomAccessSource,
  head: DataView,
): Promise<ElfFile> {
  const segments = await readSegments(file, head);
  const arch = ARCHS[head.getUint16(18, true)];
  const interp = segments.find(({ type }) => type === PT_INTERP);
  const interpreter = interp &&
    textAt(await slice(file, interp.offset, interp.size), 0);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) {
    return {
      arch,
      interpreter,
      needed: [],
      runPath: undefined,
      versions: new Map(),
    };
  }
  const table = await slice(file, dynamic.offset, dynamic.size);
  const entries = readDynamic(viewOf(table), dynamic.offset);
  const value = (tag: number): number =>
    entries.find((one) => one.tag === tag)?.value ?? 0;
  const offsetOf = (address: number): number => {
    const segment = segments.find((one) =>
      one.type === PT_LOAD && address >= one.address &&
      address < one.address + one.size
    );
    if (segment === undefined) throw new RangeError("address outside the file");
    return address - segment.address + segment.offset;
  };
  const textOffset = offsetOf(value(DT.strtab));
  const texts = await slice(file, textOffset, value(DT.strsz));
  const runPath = entries.find(({ tag }) => tag === DT.runpath) ??
    entries.find(({ tag }) => tag === DT.rpath);
  return {
    arch,
    interpreter,
    needed: entries.filter(({ tag }) => tag === DT.needed)
      .map((entry) => textAt(texts, entry.value)),
    runPath: runPath && {
      text: textAt(texts, runPath.value),
      offset: textOffset + runPath.value,
      tagOffset: runPath.offset,
      isRunPath: runPath.tag === DT.runpath,
    },
    versions: value(DT_VERNEED) === 0 ? new Map() : await readVersions(
      file,
      offsetOf(value(DT_VERNEED)),
      value(DT_VERNEEDNUM),
      texts,
    ),
  };
}

async function readSegments(
  file: RandomAccessSource,
  head: DataView,
): Promise<readonly Segment[]> {
  const offset = Number(head.getBigUint64(32, true));
  const size = head.getUint16(54, true);
  const count = head.getUint16(56, true);
  const view = viewOf(await slice(file, offset, size * count));
  return Array.from({ length: count }, (_, index) => {
    const at = index * size;
    return {
      type: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 8, true)),
      address: Number(view.getBigUint64(at + 16, true)),
      size: Number(view.getBigUint64(at + 32, true)),
    };
  });
}

interface DynamicEntry {
  readonly tag: number;
  readonly value: number;
  /** Where the entry is in the file. */
  readonly offset: number;
}

function readDynamic(view: DataView, base: number): readonly DynamicEntry[] {
  const entries: DynamicEntry[] = [];
  for (let at = 0; at + 16 <= view.byteLength; at += 16) {
    const tag = Number(view.getBigInt64(at, true));
    if (tag === 0) break;
    const value = Number(view.getBigUint64(at + 8, true));
    entries.push({ tag, value, offset: base + at });
  }
  return entries;
}

async function readVersions(
  file: RandomAccessSource,
  offset: number,
  count: number,
  texts: Uint8Array,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const size = Math.min(file.size - offset, 1024 * 1024);
  const view = viewOf(await slice(file, offset, size));
  const versions = new Map<string, readonly string[]>();
  let at = 0;
  for (let index = 0; index < count; index++) {
    const names: string[] = [];
    let aux = at + view.getUint32(at + 8, true);
    for (let left = view.getUint16(at + 2, true); left > 0; left--) {
      names.push(textAt(texts, view.getUint32(aux + 8, true)));
      aux += view.getUint32(aux + 12, true);
    }
    versions.set(textAt(texts, view.getUint32(at + 4, true)), names);
    at += view.getUint32(at + 12, true);
  }
  return versions;
}

async function slice(
  file: RandomAccessSource,
  offset: number,
  size: number,
): Promise<Uint8Array> {
  if (size > MAX_TABLE || offset < 0 || offset + size > file.size) {
    throw new RangeError("table outside the file");
  }
  return await file.read(offset, size);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textAt(bytes: Uint8Array, start: number): string {
  const end = bytes.indexOf(0, start);
  return new TextDecoder().decode(
    bytes.subarray(start, end < 0 ? undefined : end),
  );
}
