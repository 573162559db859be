import type { RandomAccessSource } from "../io/random_access_source.ts";

/** What Go's linker writes into every program. */
export interface GoBuild {
  /** Such as `go1.26.8`. */
  readonly goVersion: string;
  /** Version of the program, where it was built from a tagged module. */
  readonly version: string | undefined;
  /** The modules that it was built from. */
  readonly modules: readonly {
    readonly path: string;
    readonly version: string;
  }[];
}

/** `\xff Go buildinf:`, at a multiple of 16 bytes. */
const MAGIC = Uint8Array.from([
  0xff,
  0x20,
  0x47,
  0x6f,
  0x20,
  0x62,
  0x75,
  0x69,
  0x6c,
  0x64,
  0x69,
  0x6e,
  0x66,
  0x3a,
]);
/** The block is at the start of the data segment. */
const SEARCHED = 256 * 1024 * 1024;
const STEP = 1024 * 1024;
/** Bit of the flags: the texts follow, each after its length. */
const INLINE = 2;

/** Reads a Go program's own list of modules; `undefined` for any other program. */
export async function readGoBuild(
  file: RandomAccessSource,
): Promise<GoBuild | undefined> {
  const limit = Math.min(file.size, SEARCHED);
  for (let start = 0; start < limit; start += STEP) {
    const size = Math.min(STEP + 64 * 1024, file.size - start);
    const bytes = await file.read(start, size);
    for (let at = 0; at + 32 < bytes.length && at < STEP; at += 16) {
      if (
        bytes[at] !== 0xff ||
        !MAGIC.every((one, index) => bytes[at + index] === one)
      ) {
        continue;
      }
      if (((bytes[at + 15] ?? 0) & INLINE) === 0) return undefined;
      const more = await file.read(
        start + at + 32,
        Math.min(4 * 1024 * 1024, file.size - start - at - 32),
      );
      return parse(more);
    }
  }
  return undefined;
}

function parse(bytes: Uint8Array): GoBuild | undefined {
  const version = readText(bytes, 0);
  const info = version && readText(bytes, version.end);
  if (version === undefined || info === undefined) return undefined;
  const lines = info.text.split("\n").map((line) => line.split("\t"));
  const main = lines.find(([kind]) => kind === "mod");
  const modules = lines.filter(([kind]) => kind === "dep")
    .map(([, path = "", own = ""]) => ({ path, version: own }));
  const tag = main?.[2] ?? "";
  return {
    goVersion: version.text,
    version: /^v\d/.test(tag) ? tag.slice(1) : undefined,
    modules,
  };
}

/** A text after its length, seven bits in a byte. */
function readText(
  bytes: Uint8Array,
  start: number,
): { readonly text: string; readonly end: number } | undefined {
  let length = 0;
  let at = start;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  if (at + length > bytes.length) return undefined;
  const text = new TextDecoder("latin1").decode(
    bytes.subarray(at, at + length),
  );
  return { text, end: at + length };
}
