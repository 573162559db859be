/** Packages for systems that sign programs, and packages that their tools have signed. */

import { sha256 } from "@flavor/pspf/crypto";
import { BytesSource, type RandomAccessSource } from "@flavor/pspf/io";
import { inspectPackage, PSPFReader, verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import { decodeHex } from "@std/encoding/hex";
import { buildPackage } from "../../lib/pack/build_package.ts";
import { keyPairFromSeed } from "@flavor/pspf/crypto";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { buildInMemory, OUR_LAUNCHER, planOf } from "./build_in_memory.ts";
import vectors from "../vectors/platform_signatures.json" with { type: "json" };

const PLAN = planOf(['{ id = "app", source = "app", target = "app" }']);
const SOURCES = { app: pseudoRandomBytes(100_000) };

/** A launcher with the header of a vector. */
function launcherLike(name: string, size = 70_000): Uint8Array<ArrayBuffer> {
  const vector = vectors.cases.find((one) => one.name === name);
  const bytes = new Uint8Array(size);
  bytes.set(decodeHex(vector?.head ?? ""));
  bytes.set(new TextEncoder().encode(OUR_LAUNCHER), 1000);
  return bytes;
}

const WINDOWS = launcherLike("a program for Windows with a checksum");
const MACOS = launcherLike(
  "a signature of the launcher from before it was packed",
);

async function packWith(
  launcher: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const { bytes } = await buildInMemory(PLAN, SOURCES, {
    launcher: new BytesSource(launcher),
  });
  return new Uint8Array(bytes);
}

/** What `osslsigncode` does to a program. */
function signForWindows(bytes: Uint8Array, zeros?: number): Uint8Array {
  const padding = zeros ?? (8 - bytes.length % 8) % 8;
  const table = pseudoRandomBytes(1416);
  const signed = new Uint8Array(bytes.length + padding + table.length);
  signed.set(bytes);
  signed.set(table, bytes.length + padding);
  const view = new DataView(signed.buffer);
  view.setUint32(152, 0x12345, true);
  view.setUint32(232, bytes.length + padding, true);
  view.setUint32(236, table.length, true);
  return signed;
}

async function verdictOf(bytes: Uint8Array): Promise<readonly string[]> {
  const { checks, valid } = await verifyPackage(bytes, { level: "strict" });
  const failed = checks.filter(({ status }) => status === "fail");
  assertEquals(valid, failed.length === 0);
  return failed.map(({ code }) => code ?? "");
}

Deno.test("a package for Windows that was signed behind verifies, and says so", async () => {
  const bytes = await packWith(WINDOWS);
  assertEquals(await verdictOf(bytes), []);
  // What signing rewrites was zero when it was packed, for readers that do not know it.
  assertEquals(bytes.subarray(152, 156), new Uint8Array(4));
  const signed = signForWindows(bytes);
  const { valid, checks } = await verifyPackage(signed, { level: "strict" });
  assert(valid, JSON.stringify(checks));
  const note = checks.find(({ id }) => id === "platform-signature");
  assertEquals(note?.status, "skip");
  assert(note?.detail.includes("Authenticode"), note?.detail);
  const { platformSignature, size } = await inspectPackage(signed);
  assertEquals(platformSignature?.kind, "pe");
  assertEquals(size, signed.length);
  await using reader = await PSPFReader.open(signed);
  const content = await new Response(reader.streamSlot("app")).bytes();
  assertEquals(content, SOURCES.app);
});

Deno.test("a flip anywhere in a signed package is refused, but in the signature itself", async () => {
  const bytes = await packWith(WINDOWS);
  const signed = signForWindows(bytes);
  for (const at of [0, 60, 151, 156, 231, 5000, 75_000, bytes.length - 5]) {
    const changed = signed.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert((await verdictOf(changed)).length > 0, `byte ${at}`);
  }
  const changed = signed.slice();
  changed[signed.length - 1] = (changed[signed.length - 1] ?? 0) ^ 1;
  assertEquals(await verdictOf(changed), []);
});

Deno.test("nothing but a signature may follow a package, and nothing may stand between", async () => {
  const bytes = await packWith(WINDOWS);
  const appended = new Uint8Array([...signForWindows(bytes), 0]);
  assertEquals(await verdictOf(appended), ["format/not-a-package"]);
  const wide = signForWindows(bytes, 8 + (8 - bytes.length % 8) % 8);
  assertEquals(await verdictOf(wide), ["format/not-a-package"]);
});

Deno.test("a signed package reads alike from bytes, in pieces and through readInto", async () => {
  const signed = signForWindows(await packWith(WINDOWS));
  const inner = new BytesSource(signed);
  const source: RandomAccessSource = {
    name: "pieces",
    size: signed.length,
    read: (offset, length) => inner.read(offset, length),
    stream: (offset, length) => {
      let at = offset;
      return new ReadableStream({
        pull(controller): void {
          const end = Math.min(at + 7, offset + length);
          if (end > at) controller.enqueue(signed.slice(at, end));
          else controller.close();
          at = end;
        },
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  assert((await verifyPackage(source, { level: "strict" })).valid);
  const fast: RandomAccessSource = {
    ...source,
    readInto: (offset, into) => {
      const part = signed.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
  };
  assert((await verifyPackage(fast, { level: "strict" })).valid);
});

interface CodeDirectory {
  readonly offset: number;
  readonly identifier: string;
  readonly flags: number;
  readonly digests: readonly Uint8Array[];
}

/** Reads an ad-hoc signature, written against Apple's `cs_blobs.h` alone. */
function readSignature(bytes: Uint8Array): CodeDirectory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  // Where the vectors have the command.
  const [offset, size] = [view.getUint32(184, true), view.getUint32(188, true)];
  assertEquals(offset % 16, 0);
  assertEquals(offset + size, bytes.length);
  assertEquals(view.getUint32(offset), 0xfade0cc0);
  assertEquals(view.getUint32(offset + 8), 1);
  const at = offset + view.getUint32(offset + 16);
  assertEquals(view.getUint32(at), 0xfade0c02);
  const [hashes, name] = [view.getUint32(at + 16), view.getUint32(at + 20)];
  const count = view.getUint32(at + 28);
  assertEquals(view.getUint32(at + 32), offset);
  assertEquals([...bytes.subarray(at + 36, at + 40)], [32, 2, 0, 12]);
  const end = bytes.indexOf(0, at + name);
  return {
    offset,
    identifier: new TextDecoder().decode(bytes.subarray(at + name, end)),
    flags: view.getUint32(at + 12),
    digests: Array.from(
      { length: count },
      (_, page) =>
        bytes.subarray(at + hashes + 32 * page, at + hashes + 32 * page + 32),
    ),
  };
}

Deno.test("a package for macOS has the right digest of every page", async () => {
  for (const size of [2000, 4096, 65_536, 70_000]) {
    const launcher = MACOS.slice(0, size);
    const { bytes, report } = await buildInMemory(PLAN, SOURCES, {
      launcher: new BytesSource(launcher),
    });
    assertEquals(report.packageSize, bytes.length);
    const { offset, identifier, flags, digests } = readSignature(bytes);
    assertEquals([identifier, flags], ["demo", 0x20002]);
    assertEquals(digests.length, Math.ceil(offset / 4096));
    for (const [page, digest] of digests.entries()) {
      const end = Math.min(offset, 4096 * (page + 1));
      assertEquals(digest, await sha256(bytes.subarray(4096 * page, end)));
    }
    const { valid, checks } = await verifyPackage(bytes, { level: "strict" });
    assert(valid, JSON.stringify(checks));
    assertEquals(
      (await inspectPackage(bytes)).platformSignature?.kind,
      "macho",
    );
  }
});

Deno.test("a package for macOS is the same as a stream", async () => {
  const options = {
    launcher: new BytesSource(MACOS),
    keyPair: await keyPairFromSeed("test"),
  };
  const { bytes } = await buildInMemory(PLAN, SOURCES, options);
  const stream = buildPackage(PLAN, {
    ...options,
    openSource: () =>
      Promise.resolve({
        kind: "file",
        mode: 0o644,
        open: () => Promise.resolve(new BytesSource(SOURCES.app)),
      }),
  });
  assertEquals(await new Response(stream).bytes(), bytes);
});

Deno.test("a launcher for macOS without a signature gets room for one, if it has it", async () => {
  const unsigned = launcherLike("a program for macOS without a signature");
  const bytes = await packWith(unsigned);
  assert((await verifyPackage(bytes, { level: "strict" })).valid);
  assertEquals((await inspectPackage(bytes)).platformSignature?.kind, "macho");
});

Deno.test("a universal launcher is refused", async () => {
  await rejectsCode(
    "launcher/wrong-format",
    () => packWith(launcherLike("a universal program")),
  );
});
