import { assertEquals } from "@std/assert";
import { type FileTree, MemoryTree } from "@flavor/pspf/io";
import { PSPFReader } from "@flavor/pspf/read";
import type { FoundSource } from "../../lib/pack/slot_source.ts";
import { PspfError } from "../../lib/errors.ts";
import { openFileSource } from "../../lib/host/file_source.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { readAll, trickle } from "../support/trickle.ts";
import { buildInMemory, planOf } from "./build_in_memory.ts";

const TREE_SLOT = '{ id = "lib", source = "lib", target = "lib" }';
const FILE_SLOT = '{ id = "app", source = "app", target = "app" }';

/** A tree that lists what `inner` lists and reads through `readFile`. */
function treeWith(
  inner: MemoryTree,
  readFile: FileTree["readFile"],
): Pick<Parameters<typeof buildInMemory>[2] & object, "openSource"> {
  const tree: FileTree = {
    name: "src",
    entries: (descend) => inner.entries(descend),
    readFile,
    openFile: (path) => inner.openFile(path),
  };
  return { openSource: () => Promise.resolve({ kind: "directory", tree }) };
}

Deno.test("buildPackage() passes on that a file cannot be read", async () => {
  const inner = new MemoryTree({ secret: { content: "1" } });
  const denied = (path: string): never => {
    throw new PspfError("io/denied", `Cannot read "${path}"`);
  };
  await rejectsCode(
    "io/denied",
    () => buildInMemory(planOf([TREE_SLOT]), {}, treeWith(inner, denied)),
  );
});

Deno.test("buildPackage() notices a file that changes between listing and reading", async () => {
  const inner = new MemoryTree({ log: { content: "0123456789" } });
  const grown = (): Uint8Array => new Uint8Array(11);
  const error = await rejectsCode(
    "build/source-changed",
    () => buildInMemory(planOf([TREE_SLOT]), {}, treeWith(inner, grown)),
  );
  assertEquals([error.context.expected, error.context.actual], [10, 11]);
});

Deno.test("buildPackage() notices a file that changes while it is packed", async () => {
  await using dir = await tempDir();
  for (const [size, change] of [[20_000, 25_000], [20_000, 5_000]] as const) {
    await Deno.writeFile(dir.at("app"), pseudoRandomBytes(size, 1));
    let opened = 0;
    const openSource = (): Promise<FoundSource> =>
      Promise.resolve({
        kind: "file",
        mode: 0o644,
        open: async () => {
          const source = await openFileSource(dir.at("app"));
          // It is looked at first, then read.
          if (++opened === 2) await Deno.truncate(dir.at("app"), change);
          return source;
        },
      });
    const error = await rejectsCode(
      "build/source-changed",
      () => buildInMemory(planOf([FILE_SLOT]), {}, { openSource }),
    );
    const { expected, actual } = error.context;
    assertEquals([expected, actual], [size, change]);
  }
});

Deno.test("buildPackage() waits for trees that read asynchronously", async () => {
  const inner = new MemoryTree({
    a: { content: "one" },
    b: { content: "two" },
  });
  const slow = async (path: string, size: number): Promise<Uint8Array> => {
    await Promise.resolve();
    return inner.readFile(path, size);
  };
  const plan = planOf([TREE_SLOT]);
  const expected = await buildInMemory(
    plan,
    {},
    treeWith(inner, (path, size) => inner.readFile(path, size)),
  );
  const actual = await buildInMemory(plan, {}, treeWith(inner, slow));
  assertEquals(actual.bytes, expected.bytes);
});

Deno.test("buildPackage() does not depend on the chunks of its sources", async () => {
  const app = pseudoRandomBytes(100_000, 5);
  const plan = planOf([FILE_SLOT]);
  const whole = await buildInMemory(plan, { app });
  const trickling = {
    name: "app",
    size: app.length,
    read: (offset: number, length: number): Promise<Uint8Array> =>
      Promise.resolve(app.subarray(offset, offset + length)),
    stream: (): ReadableStream<Uint8Array> => trickle(app, 5000),
    [Symbol.asyncDispose]: (): Promise<void> => Promise.resolve(),
  };
  const { bytes } = await buildInMemory(plan, {}, {
    openSource: () =>
      Promise.resolve({
        kind: "file",
        mode: 0o644,
        open: () => Promise.resolve(trickling),
      }),
  });
  assertEquals(bytes, whole.bytes);
});

Deno.test("buildPackage() packs names that no shell would like", async () => {
  const names = [
    "a\nb",
    "ü\u{1f4e6}",
    " ",
    "-rf",
    "$(x)",
    `${"n".repeat(255)}`,
  ];
  const lib = Object.fromEntries(
    names.map((name) => [`d/${name}`, { content: name }]),
  );
  const { bytes } = await buildInMemory(planOf([TREE_SLOT]), { lib });
  await using reader = await PSPFReader.open(bytes);
  const tar = new TextDecoder().decode(await readAll(reader.streamSlot(0)));
  for (const name of names) assertEquals(tar.includes(name), true, name);
});
