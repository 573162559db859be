import { type ExtractTarget, MemoryTarget } from "@flavor/pspf/io";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import type { PspfErrorCode } from "../../lib/errors.ts";
import { DirectoryTarget } from "../../lib/host/directory_target.ts";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

interface Subject {
  readonly target: ExtractTarget;
  /** What is in it: one line per member. */
  readonly list: () => string[];
}

type Test = (subject: Subject, t: Deno.TestContext) => Promise<void>;

function stream(...parts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(
    parts.map((part) => new TextEncoder().encode(part)),
  );
}

/** A stream that remembers whether it was cancelled. */
function watched(...parts: string[]): {
  readonly content: ReadableStream<Uint8Array>;
  readonly isCancelled: () => boolean;
} {
  let cancelled = false;
  const rest = [...parts];
  const content = new ReadableStream<Uint8Array>({
    pull(controller): void {
      const part = rest.shift();
      if (part === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(part));
    },
    cancel(): void {
      cancelled = true;
    },
  }, { highWaterMark: 0 });
  return { content, isCancelled: () => cancelled };
}

const octal = (mode: number): string => mode.toString(8).padStart(3, "0");

function listMemory({ entries }: MemoryTarget): string[] {
  return [...entries].map(([path, entry]) =>
    entry.kind === "directory"
      ? `${path}/ ${octal(entry.mode)}`
      : entry.kind === "file"
      ? `${path} ${octal(entry.mode)} ${
        new TextDecoder().decode(entry.content)
      }`
      : `${path} -> ${entry.target}`
  ).sort();
}

function listDirectory(root: string, base = ""): string[] {
  return [...Deno.readDirSync(join(root, base))].flatMap(({ name }) => {
    const path = base === "" ? name : `${base}/${name}`;
    const full = join(root, path);
    const facts = Deno.lstatSync(full);
    const mode = octal((facts.mode ?? 0) & 0o7777);
    if (facts.isSymlink) return [`${path} -> ${Deno.readLinkSync(full)}`];
    if (facts.isFile) return [`${path} ${mode} ${Deno.readTextFileSync(full)}`];
    return [`${path}/ ${mode}`, ...listDirectory(root, path)];
  }).sort();
}

/** Both targets have to do the same, which is what the launcher does. */
function contract(name: string, test: Test): void {
  const ignore = Deno.build.os === "windows";
  Deno.test(`MemoryTarget ${name}`, async (t) => {
    const target = new MemoryTarget();
    await test({ target, list: () => listMemory(target) }, t);
  });
  Deno.test(`DirectoryTarget ${name}`, { ignore }, async (t) => {
    await using dir = await tempDir();
    const root = dir.at("root");
    await Deno.mkdir(root);
    const target = new DirectoryTarget(root, "out");
    await test({ target, list: () => listDirectory(root) }, t);
  });
}

contract("takes files, directories and links, and makes parents", async (
  { target, list },
) => {
  await target.file("bin/app", 0o750, 5, stream("he", "llo"));
  await target.directory("share/empty", 0o700);
  await target.file("share/none", 0o600, 0, stream());
  await target.symlink("share/deep/link", "../../nowhere");
  await target.hardLink("lib/same", "bin/app");
  await target.finish();
  assertEquals(list(), [
    "bin/ 755",
    "bin/app 750 hello",
    "lib/ 755",
    "lib/same 750 hello",
    "share/ 755",
    "share/deep/ 755",
    "share/deep/link -> ../../nowhere",
    "share/empty/ 700",
    "share/none 600 ",
  ]);
});

contract("drops set-id and sticky bits", async ({ target, list }) => {
  await target.file("run", 0o6755, undefined, stream("x"));
  await target.directory("dir", 0o1777);
  await target.finish();
  assertEquals(list(), ["dir/ 777", "run 755 x"]);
});

contract("lets later members win", async ({ target, list }) => {
  await target.file("a", 0o644, undefined, stream("first"));
  await target.hardLink("kept", "a");
  await target.symlink("b", "a");
  await target.file("c", 0o644, undefined, stream("c"));
  await target.symlink("d", "/nowhere");
  await target.file("a", 0o600, undefined, stream("second"));
  await target.file("b", 0o600, undefined, stream("file"));
  await target.symlink("c", "a");
  await target.directory("d", 0o700);
  await target.file("d/in", 0o600, undefined, stream("in"));
  await target.directory("d", 0o750);
  await target.hardLink("c", "d/in");
  await target.hardLink("c", "c");
  await target.finish();
  assertEquals(list(), [
    "a 600 second",
    "b 600 file",
    "c 600 in",
    "d/ 750",
    "d/in 600 in",
    "kept 644 first",
  ]);
});

contract("lets a directory win over a file", async ({ target, list }) => {
  await target.file("a", 0o644, undefined, stream("x"));
  await target.directory("a", 0o755);
  await target.file("a/b", 0o644, undefined, stream("y"));
  assertEquals(list().at(-1), "a/b 644 y");
});

contract(
  "keeps the mode of a directory that is named after its content",
  async (
    { target, list },
  ) => {
    await target.file("late/a", 0o644, undefined, stream("x"));
    await target.directory("late", 0o500);
    await target.finish();
    assertEquals(list(), ["late/ 500", "late/a 644 x"]);
  },
);

contract("goes on after it was finished", async ({ target, list }) => {
  await target.directory("locked/inner", 0o555);
  await target.directory("locked", 0o555);
  await target.finish();
  await target.file("locked/inner/late", 0o444, undefined, stream("x"));
  await target.directory("locked/second", 0o700);
  await target.finish();
  await target.finish();
  assertEquals(list(), [
    "locked/ 555",
    "locked/inner/ 555",
    "locked/inner/late 444 x",
    "locked/second/ 700",
  ]);
});

contract("refuses what would leave it or is in the way", async (
  { target, list },
  t,
) => {
  await target.symlink("link", "/tmp");
  await target.symlink("loop", ".");
  await target.file("file", 0o644, undefined, stream("x"));
  await target.file("dir/in", 0o644, undefined, stream("x"));
  const before = list();
  const file = (path: string) => () =>
    target.file(path, 0o644, undefined, stream("bad"));
  const cases: readonly [PspfErrorCode, string, () => Promise<void>][] = [
    ...["", ".", "..", "../x", "/x", "a/../x", "a//b", "./a", "a/", "a\0b"]
      .map((path) =>
        ["archive/unsafe-path", `the path ${path}`, file(path)] as [
          PspfErrorCode,
          string,
          () => Promise<void>,
        ]
      ),
    ["archive/unsafe-path", "a file behind a link", file("link/x")],
    ["archive/unsafe-path", "a file behind an inner link", file("loop/dir/x")],
    ["archive/unsafe-path", "a file behind a file", file("file/x")],
    [
      "archive/unsafe-path",
      "a directory behind a link",
      () => target.directory("link/x", 0o755),
    ],
    [
      "archive/unsafe-path",
      "a link behind a link",
      () => target.symlink("link/x", "y"),
    ],
    [
      "archive/unsafe-path",
      "a hard link behind a link",
      () => target.hardLink("link/x", "file"),
    ],
    [
      "archive/unsafe-path",
      "a hard link to what is behind a link",
      () => target.hardLink("x", "loop/file"),
    ],
    [
      "archive/unsafe-path",
      "a hard link to a link",
      () => target.hardLink("x", "link"),
    ],
    [
      "archive/unsafe-path",
      "a hard link to a directory",
      () => target.hardLink("x", "dir"),
    ],
    [
      "archive/unsafe-path",
      "a hard link to nothing",
      () => target.hardLink("x", "nothing"),
    ],
    [
      "archive/unsafe-path",
      "a hard link to what is outside",
      () => target.hardLink("x", "../x"),
    ],
    ["archive/bad-entry", "a file in place of a directory", file("dir")],
    [
      "archive/bad-entry",
      "a link in place of a directory",
      () => target.symlink("dir", "x"),
    ],
    [
      "archive/bad-entry",
      "a hard link in place of a directory",
      () => target.hardLink("dir", "file"),
    ],
  ];
  for (const [code, name, action] of cases) {
    await t.step(name, async () => {
      await rejectsCode(code, action);
      assertEquals(list(), before);
    });
  }
});

contract("refuses content of another length", async ({ target }, t) => {
  for (const [size, text] of [[5, "four"], [3, "four"], [0, "x"]] as const) {
    await t.step(`${text.length} bytes for ${size}`, async () => {
      const error = await rejectsCode(
        "archive/truncated",
        () => target.file("a", 0o644, size, stream(text)),
      );
      assertEquals(error.context["expected"], size);
    });
  }
});

contract("stops reading when there is more than was said", async (
  { target },
) => {
  const { content, isCancelled } = watched("abc", "d", "never read");
  await rejectsCode(
    "archive/truncated",
    () => target.file("a", 0o644, 3, content),
  );
  assert(isCancelled());
});

contract("cancels the content of what it refuses", async ({ target }) => {
  await target.directory("dir", 0o755);
  for (const path of ["dir", "../x"]) {
    const { content, isCancelled } = watched("abc");
    await assertRejects(() => target.file(path, 0o644, 3, content));
    assert(isCancelled(), path);
  }
});

contract("passes on what the content throws", async ({ target }) => {
  const failing = ReadableStream.from((function* (): Generator<Uint8Array> {
    yield new Uint8Array(3);
    throw new Error("torn off");
  })());
  await assertRejects(
    () => target.file("a", 0o644, 6, failing),
    Error,
    "torn off",
  );
});

contract("keeps nothing of the caller's memory", async ({ target, list }) => {
  const chunk = new TextEncoder().encode("abc");
  const content = new ReadableStream<Uint8Array>({
    pull(controller): void {
      controller.enqueue(chunk);
      controller.close();
    },
  });
  await target.file("a", 0o644, 3, content);
  chunk.fill(0x7a);
  assertEquals(list(), ["a 644 abc"]);
});

Deno.test("MemoryTarget takes no file that is larger than it may", async () => {
  const { content, isCancelled } = watched("ab", "c", "d");
  const target = new MemoryTarget("m", 2);
  await rejectsCode(
    "io/no-space",
    () => target.file("a", 0o644, undefined, content),
  );
  assert(isCancelled());
  await rejectsCode("io/no-space", () => target.file("a", 0o644, 3, stream()));
  await target.file("a", 0o644, 2, stream("ab"));
});
