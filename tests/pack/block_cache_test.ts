import type { BuildOptions } from "../../lib/pack/build_package.ts";
import type { BuildReport } from "@flavor/pspf/pack";
import { assert, assertEquals } from "@std/assert";
import { PspfError } from "../../lib/errors.ts";
import { createDenoHost } from "../../lib/host/deno_host.ts";
import {
  type BuildBlockCache,
  openBlockCache,
} from "../../lib/pack/block_cache.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { buildInMemory, planOf, type Sources } from "./build_in_memory.ts";

const host = createDenoHost();

function openCache(
  directory: string,
  maxSize?: number,
  warnings: string[] = [],
): Promise<BuildBlockCache> {
  return openBlockCache(
    { directory, maxSize },
    host,
    (message) => warnings.push(message),
  );
}

const TEXT = "some text that compresses well\n".repeat(1000);

const SOURCES: Sources = {
  file: TEXT,
  tree: { "a/b.txt": { content: TEXT }, "c": { content: "c" } },
};

const PLAN = planOf([
  '{ id = "file", source = "file", target = "file" }',
  '{ id = "tree", source = "tree", target = "tree" }',
]);

/** Builds through a cache, with an object per call as another process has. */
async function buildCached(
  dir: TempDir,
  sources: Sources = SOURCES,
  overrides: Partial<BuildOptions> = {},
  plan = PLAN,
): Promise<{ bytes: Uint8Array; report: BuildReport }> {
  const cache = await openCache(dir.at("cache"));
  return await buildInMemory(plan, sources, { cache, ...overrides });
}

function cachedOf({ report }: { report: BuildReport }): readonly boolean[] {
  return report.slots.map(({ isCached }) => isCached);
}

async function entriesOf(dir: TempDir): Promise<readonly string[]> {
  const root = dir.at("cache", "blocks-1");
  const names: string[] = [];
  for (const part of await host.reader.list(root)) {
    for (const name of await host.reader.list(`${root}/${part}`)) {
      names.push(`${part}/${name}`);
    }
  }
  return names;
}

Deno.test("a build with a block cache gives the bytes of one without", async () => {
  await using dir = await tempDir();
  const clean = await buildInMemory(PLAN, SOURCES);
  const first = await buildCached(dir);
  const second = await buildCached(dir);
  assertEquals(cachedOf(first), [false, false]);
  assertEquals(cachedOf(second), [true, true]);
  assertEquals(first.bytes, clean.bytes);
  assertEquals(second.bytes, clean.bytes);
});

Deno.test("a build with a block cache compresses only the slot that changed", async () => {
  await using dir = await tempDir();
  await buildCached(dir);
  const changed = { ...SOURCES, file: `${TEXT}!` };
  const built = await buildCached(dir, changed);
  assertEquals(cachedOf(built), [false, true]);
  assertEquals(built.bytes, (await buildInMemory(PLAN, changed)).bytes);
});

Deno.test("the block cache tells apart everything that changes the bytes", async () => {
  await using dir = await tempDir();
  const tree = (slot = ""): ReturnType<typeof planOf> =>
    planOf([`{ id = "t", source = "tree", target = "tree" ${slot} }`]);
  await buildCached(dir, SOURCES, {}, tree());
  const variants: Parameters<typeof buildCached>[] = [
    [dir, SOURCES, {}, tree(", level = 19")],
    [dir, SOURCES, {}, tree(', operations = "tar.gz"')],
    [dir, SOURCES, { sourceDateEpoch: 1 }, tree()],
    [dir, { tree: { "a/b.txt": { content: TEXT }, "d": { content: "c" } } }],
    [dir, {
      tree: {
        "a/b.txt": { content: TEXT },
        "c": { content: "c", mode: 0o755 },
      },
    }],
    [dir, { tree: { "a/b.txt": { content: TEXT }, "c": { target: "a" } } }],
  ];
  for (
    const [at, sources = SOURCES, overrides = {}, plan = tree()] of variants
  ) {
    const built = await buildCached(at, sources, overrides, plan);
    assertEquals(cachedOf(built), [false]);
    const clean = await buildInMemory(plan, sources, overrides);
    assertEquals(built.bytes, clean.bytes);
  }
});

Deno.test("the block cache finds the same content under other names", async () => {
  await using dir = await tempDir();
  await buildCached(dir);
  const renamed = planOf(
    ['{ id = "other", source = "file", target = "x", permissions = "0600" }'],
  );
  const built = await buildCached(
    dir,
    SOURCES,
    { sourceDateEpoch: 9 },
    renamed,
  );
  assertEquals(cachedOf(built), [true]);
});

Deno.test("the block cache holds nothing that is not compressed", async () => {
  await using dir = await tempDir();
  const plan = planOf([
    '{ id = "raw", source = "file", target = "a", operations = "raw" }',
    '{ id = "tar", source = "tree", target = "b", operations = "tar" }',
  ]);
  const built = await buildCached(dir, SOURCES, {}, plan);
  assertEquals(cachedOf(built), [false, false]);
  assertEquals(await entriesOf(dir), []);
});

for (
  const [what, damage] of [
    ["cut short", (bytes: Uint8Array) => bytes.subarray(0, bytes.length - 9)],
    ["empty", () => new Uint8Array()],
    ["longer", (bytes: Uint8Array) => new Uint8Array([...bytes, 0])],
    ["changed in its content", (bytes: Uint8Array) => flip(bytes, 3)],
    ["changed in its digest", (bytes: Uint8Array) => flip(bytes, -3)],
  ] as const
) {
  Deno.test(`an entry of the block cache that is ${what} is never used`, async () => {
    await using dir = await tempDir();
    const clean = await buildCached(dir);
    for (const name of await entriesOf(dir)) {
      const path = dir.at("cache", "blocks-1", name);
      await Deno.writeFile(path, damage(await Deno.readFile(path)));
    }
    const built = await buildCached(dir);
    assertEquals(cachedOf(built), [false, false]);
    assertEquals(built.bytes, clean.bytes);
    assertEquals(cachedOf(await buildCached(dir)), [true, true]);
  });
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
}

Deno.test("an entry of the block cache under another name is never used", async () => {
  await using dir = await tempDir();
  await buildCached(dir);
  const [one, two] = await entriesOf(dir);
  assert(one !== undefined && two !== undefined);
  const at = (name: string): string => dir.at("cache", "blocks-1", name);
  await Deno.copyFile(at(one), at(two));
  const built = await buildCached(dir);
  assertEquals(cachedOf(built).toSorted(), [false, true]);
  assertEquals(built.bytes, (await buildInMemory(PLAN, SOURCES)).bytes);
});

Deno.test("concurrent builds share a block cache", async () => {
  await using dir = await tempDir();
  const clean = await buildInMemory(PLAN, SOURCES);
  const built = await Promise.all(
    Array.from({ length: 8 }, () => buildCached(dir)),
  );
  for (const { bytes } of built) assertEquals(bytes, clean.bytes);
  assertEquals((await entriesOf(dir)).length, 2);
});

Deno.test("a build with a block cache compresses only the blocks that changed", async () => {
  await using dir = await tempDir();
  const data = pseudoRandomBytes(6 << 20);
  const plan = planOf([
    '{ id = "a", source = "a", target = "a", operations = "zstd" }',
  ]);
  await buildCached(dir, { a: data }, {}, plan);
  const before = await entriesOf(dir);
  assertEquals(before.length, 6);
  data[3_500_000] = (data[3_500_000] ?? 0) ^ 1;
  const built = await buildCached(dir, { a: data }, {}, plan);
  assertEquals((await entriesOf(dir)).length, before.length + 1);
  assertEquals(built.bytes, (await buildInMemory(plan, { a: data })).bytes);
});

Deno.test("BuildBlockCache.trim() removes what was used longest ago", async () => {
  await using dir = await tempDir();
  const file = planOf(['{ id = "f", source = "file", target = "file" }']);
  const tree = planOf(['{ id = "t", source = "tree", target = "tree" }']);
  await buildCached(dir, SOURCES, {}, file);
  const [used = ""] = await entriesOf(dir);
  await buildCached(dir, SOURCES, {}, tree);
  for (const name of await entriesOf(dir)) {
    // The one that will be used is the older one until then.
    const time = name === used ? 1000 : 2000;
    await Deno.utime(dir.at("cache", "blocks-1", name), time, time);
  }
  await buildCached(dir, SOURCES, {}, file);
  const { size } = await Deno.stat(dir.at("cache", "blocks-1", used));
  await (await openCache(dir.at("cache"), size)).trim();
  assertEquals(await entriesOf(dir), [used]);
});

Deno.test("BuildBlockCache.trim() removes what killed builds left, and nothing else", async () => {
  await using dir = await tempDir();
  await openCache(dir.at("cache"));
  const old = await dir.write("cache/blocks-1/00/.a.1-2.flavor-tmp", "old");
  await dir.write("cache/blocks-1/00/.b.1-2.flavor-tmp", "new");
  await dir.write("cache/blocks-1/00/notes.txt", "mine");
  await Deno.utime(old, 1000, 1000);
  await (await openCache(dir.at("cache"), 0)).trim();
  assertEquals(await entriesOf(dir), ["00/.b.1-2.flavor-tmp", "00/notes.txt"]);
});

Deno.test("a block cache that fails does not fail the build", async () => {
  await using dir = await tempDir();
  const { reader, writer } = createDenoHost();
  const fail = (): Promise<never> =>
    Promise.reject(new PspfError("io/no-space", "no space left"));
  const warnings: string[] = [];
  await openCache(dir.at("cache"));
  const cache = await openBlockCache(
    { directory: dir.at("cache") },
    {
      ...host,
      reader: Object.assign(reader, { list: fail }),
      writer: Object.assign(writer, { createSink: fail }),
    },
    (message) => warnings.push(message),
  );
  const built = await buildInMemory(PLAN, SOURCES, { cache });
  assertEquals(built.bytes, (await buildInMemory(PLAN, SOURCES)).bytes);
  assertEquals(warnings, [
    "the cache was not filled: no space left",
    "the cache was not trimmed: no space left",
  ]);
});

Deno.test("openBlockCache() refuses a directory that others can write to", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.at("cache"));
  await Deno.chmod(dir.at("cache"), 0o777);
  const error = await rejectsCode(
    "cache/insecure",
    () => openCache(dir.at("cache")),
  );
  assert(error.message.includes("0777"), error.message);
  await Deno.chmod(dir.at("cache"), 0o755);
  await openCache(dir.at("cache"));
});

Deno.test("openBlockCache() marks its directory for backup programs", async () => {
  await using dir = await tempDir();
  await openCache(dir.at("cache"));
  const tag = await Deno.readTextFile(dir.at("cache", "CACHEDIR.TAG"));
  assert(tag.startsWith("Signature: 8a477f597d28d172789f06886806bc55\n"));
});
