import { assertEquals } from "@std/assert";

import { createDenoHost } from "../../lib/host/deno_host.ts";
import { openPackage } from "../../lib/read/open_package.ts";
import { tempDir } from "../support/temp_dir.ts";
import { examplePackage } from "./support/example_package.ts";
import { flavor, run } from "./support/processes.ts";

const { reader } = createDenoHost();
/** Where the seal is in the index block. */
const SEAL_OFFSET = 864;

interface Region {
  readonly name: string;
  /** Offset of a byte in it. */
  readonly at: number;
}

/** A byte in every region of a package. */
async function regionsOf(path: string): Promise<readonly Region[]> {
  await using source = await reader.openSource(path);
  const { index, slots } = await openPackage(source);
  const middle = (
    part: { readonly offset: number; readonly size: number },
  ): number => part.offset + Math.floor(part.size / 2);
  const block = index.trailerOffset + 4;
  const sections = [index.launcher, index.metadata, index.slotTable, ...slots];
  const ends = sections.map(({ offset, size }) => offset + size);
  const starts = [
    ...sections.map(({ offset }) => offset),
    index.trailerOffset,
  ];
  // A byte behind a section that no other section begins with.
  const padding = ends.filter((end) => !starts.includes(end)).slice(0, 1);
  return [
    { name: "metadata", at: middle(index.metadata) },
    { name: "slot table", at: middle(index.slotTable) },
    ...slots.map((slot) => ({ name: `slot ${slot.index}`, at: middle(slot) })),
    ...padding.map((at) => ({ name: "padding", at })),
    { name: "index checksum", at: block + 4 },
    { name: "index fields", at: block + 24 },
    { name: "seal", at: block + SEAL_OFFSET + 20 },
    { name: "seal signature", at: block + SEAL_OFFSET + 112 },
    { name: "index reserve", at: block + 4000 },
    { name: "start marker", at: index.trailerOffset },
    { name: "end marker", at: source.size - 1 },
  ];
}

async function flipped(path: string, at: number): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  await file.seek(at, Deno.SeekMode.Start);
  await file.read(byte);
  byte[0] = (byte[0] ?? 0) ^ 0x40;
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(byte);
}

for (const example of ["static-binary", "hello-shell"] as const) {
  Deno.test(`one byte changed anywhere in ${example} is refused by verify and by the launcher`, async (t) => {
    const original = await examplePackage(example);
    for (const { name, at } of await regionsOf(original)) {
      await t.step(name, async () => {
        await using dir = await tempDir();
        const changed = dir.at("changed.psp");
        await Deno.copyFile(original, changed);
        await flipped(changed, at);
        const verified = await flavor(["verify", changed, "--json"]);
        assertEquals(
          [verified.code, JSON.parse(verified.stdout).valid],
          [4, false],
        );
        const started = await run(changed, ["exit", "0"], {
          env: { FLAVOR_CACHE: dir.at("cache") },
        });
        // Bytes between the sections hold nothing that a launcher would use.
        const refused = name === "padding"
          ? started.code === 0 || started.code === 102
          : started.code >= 101 && started.code <= 107;
        assertEquals(refused, true, `${started.code}: ${started.stderr}`);
        if (name !== "padding") assertEquals(started.stdout, "");
      });
    }
  });
}

Deno.test("a changed launcher byte is refused by verify and by run", async (t) => {
  const original = await examplePackage("static-binary");
  const { launcher_size: size } = JSON.parse(
    (await flavor(["inspect", original, "--json"])).stdout,
  );
  for (const part of [0.1, 0.5, 0.9]) {
    await t.step(`at ${part * 100} % of the launcher`, async () => {
      await using dir = await tempDir();
      const changed = dir.at("changed.psp");
      await Deno.copyFile(original, changed);
      await flipped(changed, Math.floor(size * part));
      assertEquals((await flavor(["verify", changed])).code, 4);
      const started = await flavor(["run", changed, "--", "exit", "0"], {
        env: { FLAVOR_CACHE: dir.at("cache") },
      });
      assertEquals([started.code, started.stdout], [4, ""]);
    });
  }
});

Deno.test("a changed launcher byte never lets changed slot content run", async () => {
  await using dir = await tempDir();
  const original = await examplePackage("hello-shell");
  const changed = dir.at("changed.psp");
  const regions = await regionsOf(original);
  const slot = regions.find(({ name }) => name === "slot 0");
  for (const at of [0x1000, 0x8000, 0x20000]) {
    await Deno.copyFile(original, changed);
    await flipped(changed, at);
    await flipped(changed, slot?.at ?? 0);
    const started = await run("timeout", ["10", changed], {
      env: { FLAVOR_CACHE: dir.at("cache") },
    });
    // It refuses, or it is so broken that it crashes; it never greets.
    assertEquals(started.stdout.includes("package"), false);
    assertEquals(started.code === 0, false, started.stderr);
  }
});

Deno.test("bytes after the package are refused", async () => {
  await using dir = await tempDir();
  const changed = dir.at("changed.psp");
  await Deno.copyFile(await examplePackage("static-binary"), changed);
  await Deno.writeFile(changed, new Uint8Array(3), { append: true });
  assertEquals((await flavor(["verify", changed])).code, 4);
  const started = await run(changed, ["exit", "0"], {
    env: { FLAVOR_CACHE: dir.at("cache") },
  });
  assertEquals(started.code, 102);
});
