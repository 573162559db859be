import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { listMembers, type ListMembersOptions } from "@flavor/pspf/archive";
import {
  type FileTree,
  MemoryTree,
  type MemoryTreeInit,
} from "@flavor/pspf/io";
import { rejectsCode } from "../support/throws_code.ts";

const TREE: MemoryTreeInit = {
  "src/app.py": { content: "1" },
  "src/__pycache__/app.pyc": { content: "2" },
  "src/deep/er/mod.py": { content: "3" },
  "docs/index.md": { content: "4" },
  "README.md": { content: "5" },
  "empty": { mode: 0o700 },
};

async function paths(
  init: MemoryTreeInit,
  options: ListMembersOptions = {},
): Promise<string[]> {
  const { members } = await listMembers(new MemoryTree(init), options);
  return members.map(({ path }) => path);
}

async function files(options: ListMembersOptions): Promise<string[]> {
  const { members } = await listMembers(new MemoryTree(TREE), options);
  return members.filter(({ kind }) => kind === "file").map(({ path }) => path);
}

Deno.test("listMembers() chooses by globs", async (t) => {
  const cases: readonly (readonly [ListMembersOptions, readonly string[]])[] = [
    [{ include: ["*.py"] }, ["src/app.py", "src/deep/er/mod.py"]],
    [{ include: ["src/*.py"] }, ["src/app.py"]],
    [{ include: ["src/**/*.py"] }, ["src/app.py", "src/deep/er/mod.py"]],
    [{ include: ["docs"] }, ["docs/index.md"]],
    [{ include: ["/README.md"] }, ["README.md"]],
    [{ include: ["index.*", "READM?.md"] }, ["README.md", "docs/index.md"]],
    [{ include: ["{src,docs}/*"], exclude: ["*.md", "deep/"] }, [
      "src/__pycache__/app.pyc",
      "src/app.py",
    ]],
    [{ exclude: ["__pycache__/", "*.md"] }, [
      "src/app.py",
      "src/deep/er/mod.py",
    ]],
    [{ include: ["src"], exclude: ["src/deep/**", "*.pyc"] }, ["src/app.py"]],
  ];
  for (const [options, expected] of cases) {
    await t.step(JSON.stringify(options), async () => {
      assertEquals(await files(options), [...expected]);
    });
  }
});

Deno.test("listMembers() makes every directory explicit and keeps its mode", async () => {
  const { members } = await listMembers(
    new MemoryTree({ private: { mode: 0o700 }, "private/a": { content: "" } }),
    { include: ["private/a"], prefix: "share/app", modes: "exact" },
  );
  assertEquals(
    members.map((member) => "mode" in member && [member.path, member.mode]),
    [
      ["share", 0o755],
      ["share/app", 0o755],
      ["share/app/private", 0o700],
      ["share/app/private/a", 0o644],
    ],
  );
});

Deno.test("listMembers() leaves out a pipe that is not chosen, and refuses one that is", async () => {
  const tree: FileTree = {
    name: "tree",
    async *entries(): ReturnType<FileTree["entries"]> {
      yield { kind: "file", path: "a.txt", mode: 0o644, size: 0 };
      yield { kind: "other", path: "run/socket" };
    },
    readFile: () => new Uint8Array(),
    stream: () => new Blob().stream(),
  };
  for (const options of [{ exclude: ["socket"] }, { include: ["*.txt"] }]) {
    const { members } = await listMembers(tree, options);
    assertEquals(members.map(({ path }) => path), ["a.txt"]);
  }
  const error = await rejectsCode(
    "archive/unsupported-entry",
    () => listMembers(tree),
  );
  assertEquals(error.context["path"], "run/socket");
});

Deno.test("listMembers() refuses a file of 8 GiB, which no reader would find whole", async () => {
  const limit = 8 * 1024 ** 3;
  const sized = (size: number): FileTree => ({
    name: "tree",
    async *entries(): ReturnType<FileTree["entries"]> {
      yield { kind: "file", path: "data/huge.bin", mode: 0o644, size };
    },
    readFile: () => {
      throw new Error("nothing is read before it is refused");
    },
    stream: () => new Blob().stream(),
  });
  for (const size of [limit, 2 * limit, Number.MAX_SAFE_INTEGER]) {
    const error = await rejectsCode(
      "build/too-large",
      () => listMembers(sized(size)),
    );
    assertEquals(error.context, {
      path: "data/huge.bin",
      tree: "tree",
      expected: limit - 1,
      actual: size,
    });
    assertStringIncludes(error.hint ?? "", "slot of its own");
  }
  const { contentSize } = await listMembers(sized(limit - 1));
  assertEquals(contentSize, limit - 1);
  const left = await listMembers(sized(limit), { exclude: ["*.bin"] });
  assertEquals(left.members, []);
});

Deno.test("listMembers() keeps empty directories, but not those without a match", async () => {
  assert((await paths(TREE)).includes("empty"));
  assert(!(await paths(TREE, { include: ["*.md"] })).includes("empty"));
});

Deno.test("listMembers() names include patterns that match nothing", async () => {
  const { unusedPatterns } = await listMembers(new MemoryTree(TREE), {
    include: ["*.py", "*.rs", "doc"],
  });
  assertEquals(unusedPatterns, ["*.rs", "doc"]);
});

Deno.test("listMembers() does not enter what is excluded", async () => {
  const tree = new MemoryTree({ "out/huge/file": { content: "1" } });
  const entered: string[] = [];
  const spying = {
    name: "spy",
    entries: (descend?: (path: string) => boolean) =>
      tree.entries((path) => {
        const answer = descend?.(path) ?? true;
        if (answer) entered.push(path);
        return answer;
      }),
    readFile: tree.readFile.bind(tree),
    stream: tree.stream.bind(tree),
  };
  await listMembers(spying, { exclude: ["out"] });
  assertEquals(entered, []);
});

Deno.test("listMembers() refuses names that no reader would extract", async (t) => {
  for (const name of ["\ud800", "..\\up", "\\abs", "C:x", "n".repeat(256)]) {
    await t.step(JSON.stringify(name.slice(0, 10)), async () => {
      const error = await rejectsCode(
        "build/failed",
        () => paths({ [name]: { content: "" } }),
      );
      assert(error.hint?.includes("exclude"));
    });
  }
});

Deno.test("listMembers() counts the prefix, and what the portable profile copies, as parts of names", async () => {
  const long = Array.from({ length: 16 }, () => "n".repeat(250)).join("/");
  const tree = { [`${long}/file`]: { content: "" } };
  await paths(tree);
  await rejectsCode(
    "build/failed",
    () => paths(tree, { prefix: "p".repeat(100) }),
  );
  const linked = { ...tree, [`${"l".repeat(255)}`]: { target: "." } };
  await rejectsCode("build/failed", () => paths(linked, { portable: true }));
  await rejectsCode(
    "build/failed",
    () =>
      paths({ ...tree, ["l".repeat(255)]: { target: "n".repeat(250) } }, {
        portable: true,
        prefix: "p".repeat(90),
      }),
  );
});

Deno.test("listMembers() keeps links as they are", async () => {
  const { members } = await listMembers(
    new MemoryTree({ "dir/a": { content: "" }, link: { target: "dir" } }),
  );
  assertEquals(members.at(-1), {
    kind: "symlink",
    path: "link",
    target: "dir",
    mode: 0o777,
  });
});

Deno.test("listMembers() copies linked directories for the portable profile", async () => {
  const { members } = await listMembers(
    new MemoryTree({
      "v1/bin/run": { content: "x", mode: 0o755 },
      "v1/self": { target: "bin/run" },
      current: { target: "./v1" },
    }),
    { portable: true },
  );
  assertEquals(members.map(({ kind, path }) => `${kind} ${path}`), [
    "directory current",
    "directory current/bin",
    "file current/bin/run",
    "file current/self",
    "directory v1",
    "directory v1/bin",
    "file v1/bin/run",
    "symlink v1/self",
  ]);
  const copied = members.find(({ path }) => path === "current/self");
  assertEquals(copied?.kind === "file" && copied.source, "v1/bin/run");
  const link = members.find(({ path }) => path === "v1/self");
  assertEquals(link?.kind === "symlink" && link.mode, 0o755);
});

Deno.test("listMembers() refuses for the portable profile what a launcher would break", async (t) => {
  const cases: Record<string, MemoryTreeInit> = {
    "a link outside": { "a/link": { target: "../../x" } },
    "an absolute link": { link: { target: "/etc" } },
    "a dangling link": { link: { target: "nothing" } },
    "a link to itself": { link: { target: "link" } },
    "two links in a circle": { a: { target: "b" }, b: { target: "a" } },
    "a link to the directory it is in": { "a/up": { target: ".." } },
    "directories that link to each other": {
      "a/x": { target: "../b" },
      "b/y": { target: "../a" },
    },
    "a directory that Go dissolves": { "slot_0/a": { content: "" } },
    "nothing at all": {},
  };
  for (const [name, init] of Object.entries(cases)) {
    await t.step(name, async () => {
      await rejectsCode("build/failed", () => paths(init, { portable: true }));
    });
  }
});
