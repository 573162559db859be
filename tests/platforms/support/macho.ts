import { assert, assertEquals } from "@std/assert";
import { equals } from "@std/bytes/equals";
import { sha256 } from "../../../lib/crypto/sha256.ts";

const CODE_SIGNATURE = 0x1d;
const BUILD_VERSION = 0x32;
const SEGMENT_64 = 0x19;
const LOAD_DYLIB = 0xc;
const CODE_DIRECTORY = 0xfade0c02;

/** What the load commands of a program for macOS say. */
export interface MachoFacts {
  readonly architecture: "amd64" | "arm64";
  /** Oldest system that starts it. */
  readonly minimum: string;
  readonly libraries: readonly string[];
  /** Where its signature starts and ends. */
  readonly signature: readonly [start: number, end: number] | undefined;
  /** Where its last segment ends in the file. */
  readonly end: number;
}

/** Reads the load commands, by the words of Apple's own headers. */
export function readMacho(bytes: Uint8Array): MachoFacts {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = (at: number): number => view.getUint32(at, true);
  assertEquals(word(0), 0xfeedfacf);
  let minimum = "";
  let signature: [number, number] | undefined;
  let end = 0;
  const libraries: string[] = [];
  let at = 32;
  for (let left = word(16); left > 0; left--) {
    const size = word(at + 4);
    switch (word(at)) {
      case BUILD_VERSION:
        assertEquals(word(at + 8), 1, "for macOS");
        minimum = `${word(at + 12) >>> 16}.${(word(at + 12) >>> 8) & 255}`;
        break;
      case CODE_SIGNATURE:
        signature = [word(at + 8), word(at + 8) + word(at + 12)];
        break;
      case SEGMENT_64:
        end = Math.max(
          end,
          Number(view.getBigUint64(at + 40, true)) +
            Number(view.getBigUint64(at + 48, true)),
        );
        break;
      case LOAD_DYLIB: {
        const name = bytes.subarray(at + word(at + 8), at + size);
        libraries.push(
          new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
        );
        break;
      }
    }
    at += size;
  }
  assertEquals(at, 32 + word(20), "the commands fill their room");
  const architecture = word(4) === 0x0100000c ? "arm64" : "amd64";
  return { architecture, minimum, libraries, signature, end };
}

/** Checks every page of a program against the digests in its signature; their number. */
export async function checkPages(bytes: Uint8Array): Promise<number> {
  const { signature } = readMacho(bytes);
  assert(signature !== undefined);
  const [start, end] = signature;
  const blob = new DataView(
    bytes.buffer,
    bytes.byteOffset + start,
    end - start,
  );
  let pages = 0;
  for (let entry = 0; entry < blob.getUint32(8); entry++) {
    const at = blob.getUint32(12 + 8 * entry + 4);
    if (blob.getUint32(at) !== CODE_DIRECTORY) continue;
    // The kernel takes the best digests; we look at SHA-256.
    if (blob.getUint8(at + 37) !== 2) continue;
    const digests = start + at + blob.getUint32(at + 16);
    const count = blob.getUint32(at + 28);
    const limit = blob.getUint32(at + 32);
    const pageSize = 1 << blob.getUint8(at + 39);
    assertEquals(limit, start, "everything in front of it is signed");
    assertEquals(count, Math.ceil(limit / pageSize));
    for (let page = 0; page < count; page++) {
      const from = page * pageSize;
      const content = bytes.subarray(from, Math.min(from + pageSize, limit));
      const digest = bytes.subarray(digests + 32 * page).subarray(0, 32);
      assert(equals(await sha256(content), digest), `page ${page}`);
    }
    pages += count;
  }
  return pages;
}
