import { goIndexChecksum } from "../../lib/format/index_block.ts";
import { TRAILER_SIZE } from "@flavor/pspf/format";
import {
  BytesSource,
  MemoryTarget,
  type RandomAccessSource,
} from "@flavor/pspf/io";
import { PSPFReader, verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { makeTar } from "../support/make_tar.ts";
import { rejectsCode } from "../support/throws_code.ts";
import {
  type Builder,
  fileSlot,
  type ForeignSlot,
  makeForeignPackage,
  PUBLIC_KEY,
} from "./foreign_package.ts";

const BUILDERS: readonly Builder[] = ["go", "rust", "python"];
const TAR = makeTar([{ name: "lib/a.txt", content: "alpha\n" }, {
  name: "b.txt",
  content: "b",
}]);

function tarSlot(
  packed: bigint,
  stored: Uint8Array,
  operations: string,
): ForeignSlot {
  return {
    id: "lib",
    target: "{workenv}",
    stored,
    operations,
    packed,
    originalSize: TAR.length,
  };
}

async function extract(file: Uint8Array): Promise<Record<string, string>> {
  await using reader = await PSPFReader.open(file);
  const target = new MemoryTarget();
  await reader.extractAll(target);
  const files: Record<string, string> = {};
  for (const [path, entry] of target.entries) {
    if (entry.kind === "file") {
      files[path] = new TextDecoder().decode(entry.content);
    }
  }
  return files;
}

for (const builder of BUILDERS) {
  Deno.test(`verifyPackage() accepts what the ${builder} builder writes`, async (t) => {
    const gz = new Uint8Array(gzipSync(TAR));
    const file = makeForeignPackage({
      builder,
      slots: [fileSlot("run", "echo hi\n"), tarSlot(0x1001n, gz, "tgz")],
    });
    const { valid, checks } = await verifyPackage(new BytesSource(file));
    assert(valid, JSON.stringify(checks));
    await t.step("with a warning about the missing seal only", () => {
      const warnings = checks.filter(({ status }) => status === "warn").map((
        { id },
      ) => id);
      assertEquals(warnings, ["seal"]);
    });
    await t.step(
      "and checks the launcher where the builder names its digest",
      () => {
        const launcher = checks.find(({ id }) => id === "launcher-digest");
        assertEquals(launcher?.status, builder === "go" ? "skip" : "pass");
      },
    );
    await t.step("but not at level strict", async () => {
      const strict = await verifyPackage(new BytesSource(file), {
        level: "strict",
      });
      assertEquals(strict.valid, false);
      assertEquals(
        strict.checks.find(({ id }) => id === "seal")?.code,
        "verify/unsealed",
      );
    });
    await t.step("and finds every changed byte of a slot", async () => {
      const changed = file.slice();
      const at = file.length - 8200 - 3;
      changed[at] = (changed[at] ?? 0) ^ 1;
      const report = await verifyPackage(new BytesSource(changed));
      assertEquals(
        report.checks.find(({ status }) => status === "fail")?.code,
        "verify/slot-digest",
      );
    });
  });

  Deno.test(`extractAll() unpacks what the ${builder} builder writes`, async () => {
    const gz = new Uint8Array(gzipSync(TAR));
    const file = makeForeignPackage({
      builder,
      slots: [fileSlot("run", "echo hi\n"), tarSlot(0x1001n, gz, "tgz")],
    });
    // Python prefixes every target, the root's too; an archive ignores it.
    assertEquals(await extract(file), {
      "bin/run": "echo hi\n",
      "lib/a.txt": "alpha\n",
      "b.txt": "b",
    });
  });

  Deno.test(`openPackage() takes a ${builder} package without slots`, async () => {
    const file = makeForeignPackage({ builder, slots: [] });
    assert((await verifyPackage(new BytesSource(file))).valid);
  });

  Deno.test(`PSPFReader reads the environment that the ${builder} builder wrote`, async () => {
    await using reader = await PSPFReader.open(
      makeForeignPackage({ builder, slots: [] }),
    );
    assertEquals(reader.publicKey, PUBLIC_KEY);
    assertEquals(
      reader.metadata.execution.env["A"],
      builder === "python" ? undefined : builder,
    );
  });
}

Deno.test("verifyPackage() accepts slots at odd offsets (Python, not page-aligned)", async () => {
  const slots = [
    fileSlot("a", "odd"),
    fileSlot("b", "offsets"),
    fileSlot("c", "!"),
  ];
  const file = makeForeignPackage({ builder: "python", slots, alignment: 1 });
  assert((await verifyPackage(new BytesSource(file))).valid);
  assertEquals((await extract(file))["bin/b"], "offsets");
});

Deno.test("extractAll() decodes zstd chains that only Python writes", async () => {
  const stored = new Uint8Array(zstdCompressSync(TAR));
  const slots = [tarSlot(0x1b01n, stored, "tar.zst")];
  assertEquals(
    (await extract(makeForeignPackage({ builder: "python", slots })))["b.txt"],
    "b",
  );
});

Deno.test("extractAll() obeys the descriptor where the Rust builder mislabels", async () => {
  // The Rust builder does not know `tar.gz` and stores 0 for it.
  const stored = new Uint8Array(gzipSync(TAR));
  const slot = { ...tarSlot(0n, stored, "tar.gz"), target: "lib.tar.gz" };
  const file = makeForeignPackage({ builder: "rust", slots: [slot] });
  await using reader = await PSPFReader.open(file);
  const target = new MemoryTarget();
  await reader.extractAll(target);
  const entry = target.entries.get("lib.tar.gz");
  assert(entry?.kind === "file");
  assertEquals(entry.content, stored);
});

for (const builder of ["go", "rust"] as const) {
  Deno.test(`verifyPackage() skips a self-reference of the ${builder} builder`, async () => {
    const self: ForeignSlot = {
      id: "self",
      target: "self",
      stored: new Uint8Array(),
      operations: "",
      packed: 0n,
      selfRef: true,
    };
    const file = makeForeignPackage({
      builder,
      slots: [self, fileSlot("run", "x")],
    });
    const report = await verifyPackage(new BytesSource(file));
    assert(report.valid, JSON.stringify(report.checks));
    assertEquals(Object.keys(await extract(file)), ["bin/run"]);
  });
}

Deno.test("openPackage() accepts metadata with null sections", async () => {
  const metadata = {
    execution: { command: "x", environment: null, env: null },
    runtime: null,
    workenv: null,
    setup_commands: null,
    launcher: null,
  };
  const file = makeForeignPackage({ builder: "go", slots: [], metadata });
  assert((await verifyPackage(new BytesSource(file))).valid);
});

Deno.test("openPackage() refuses a slot without a checksum", async () => {
  const file = makeForeignPackage({
    builder: "go",
    slots: [fileSlot("run", "x")],
    editJson: (json) => json.replace(/"checksum": "[^"]+"/, '"checksum": ""'),
  });
  const report = await verifyPackage(new BytesSource(file));
  assertEquals(report.checks.at(-3)?.code, "verify/slot-digest");
  await using reader = await PSPFReader.open(file);
  await rejectsCode(
    "verify/slot-digest",
    () => reader.extractAll(new MemoryTarget()),
  );
});

/** What lies before the source is zeros. */
async function readPadded(
  source: BytesSource,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const padding = new Uint8Array(Math.min(length, Math.max(0, -offset)));
  const start = offset + padding.length;
  const rest = await source.read(start, length - padding.length);
  return new Uint8Array([...padding, ...rest]);
}

Deno.test("verifyPackage() takes the Go builder's checksum above 4 GiB, with a warning", async () => {
  const small = makeForeignPackage({
    builder: "go",
    slots: [fileSlot("run", "x")],
  });
  const head = small.subarray(0, small.length - TRAILER_SIZE);
  const trailer = small.slice(-TRAILER_SIZE);
  const size = 2 ** 32 + small.length;
  const block = trailer.subarray(4, 8196);
  const view = new DataView(block.buffer, block.byteOffset);
  view.setBigUint64(8, BigInt(size), true);
  view.setUint32(4, goIndexChecksum(block), true);
  const [first, last] = [new BytesSource(head), new BytesSource(trailer)];
  const source: RandomAccessSource = {
    name: "sparse",
    size,
    read: (offset, length) =>
      offset < head.length
        ? first.read(offset, length)
        : readPadded(last, offset - (size - TRAILER_SIZE), length),
    stream: (offset, length) => first.stream(offset, length),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  const { valid, checks } = await verifyPackage(source);
  assert(valid, JSON.stringify(checks));
  const verdicts = checks.filter(({ id }) => id === "index-checksum");
  assertEquals(verdicts.map(({ status }) => status), ["pass", "warn"]);
});

Deno.test("in a package without a seal the signed mode wins over the descriptor", async () => {
  const file = makeForeignPackage({
    builder: "go",
    slots: [{ ...fileSlot("run", "x"), permissions: "0755", mode: 0o755 }],
    // Nothing signs the table: one flipped bit must not make 0755 of 0757.
    editTable: (table) => new DataView(table.buffer).setUint16(62, 0o757, true),
  });
  await using reader = await PSPFReader.open(file);
  assertEquals(reader.slot(0).descriptor.permissions, 0o757);
  assertEquals(reader.slot(0).permissions, 0o755);
  const target = new MemoryTarget();
  await reader.extractAll(target);
  const entry = [...target.entries.values()].find(({ kind }) =>
    kind === "file"
  );
  assertEquals(entry?.kind === "file" && entry.mode, 0o755);
});
