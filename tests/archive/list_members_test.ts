import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import {
  listMembers,
  type ListMembersOptions,
} from "../../lib/archive/list_members.ts";
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
    openFile: () => {
      throw new Error("nothing is opened");
    },
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
    openFile: () => {
      throw new Error("nothing is opened");
    },
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

Deno.test("listMembers() takes patterns for directories, and signs that only other shells know", async () => {
  const tree: MemoryTreeInit = {
    "a/b/c/d": { content: "" },
    "b": { content: "" },
    "e/b": { content: "" },
    "+(b)": { content: "" },
  };
  const filesOf = async (options: ListMembersOptions): Promise<string[]> => {
    const { members } = await listMembers(new MemoryTree(tree), options);
    return members.filter(({ kind }) => kind === "file")
      .map(({ path }) => path);
  };
  assertEquals(await filesOf({ exclude: ["b/"] }), ["+(b)", "b", "e/b"]);
  assertEquals(await filesOf({ exclude: ["b"] }), ["+(b)"]);
  assertEquals(await filesOf({ include: ["b/"] }), ["a/b/c/d"]);
  assertEquals(await filesOf({ include: ["a/b"] }), ["a/b/c/d"]);
  assertEquals(await filesOf({ include: ["+(b)"] }), ["+(b)"]);
});

Deno.test("listMembers() stops when it is told to", async () => {
  const signal = AbortSignal.abort(new Error("enough"));
  await assertRejects(
    () => listMembers(new MemoryTree(TREE), { signal }),
    Error,
    "enough",
  );
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
    openFile: tree.openFile.bind(tree),
  };
  await listMembers(spying, { exclude: ["out"] });
  assertEquals(entered, []);
});

Deno.test("listMembers() refuses names that no reader would extract", async (t) => {
  const cases = {
    "\ud800": ": the name is not valid Unicode",
    "..\\up": ": it holds ..",
    "\\abs": ": it is absolute",
    "C:x": ": it has a drive letter",
    ["n".repeat(256)]: ": a name is longer than 255 bytes",
  };
  for (const [name, says] of Object.entries(cases)) {
    await t.step(JSON.stringify(name.slice(0, 10)), async () => {
      const error = await rejectsCode(
        "build/failed",
        () => paths({ [name]: { content: "" } }),
      );
      assert(error.hint?.includes("exclude"));
      assert(error.message.endsWith(` of memory${says}`), error.message);
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
  for (const name of ["current/self", "current/bin/run"]) {
    const copied = members.find(({ path }) => path === name);
    assertEquals(copied?.kind === "file" && copied.source, "v1/bin/run");
  }
  const link = members.find(({ path }) => path === "v1/self");
  assertEquals(link?.kind === "symlink" && link.mode, 0o755);
});

Deno.test("listMembers() follows links through links, and up and down", async () => {
  const { members } = await listMembers(
    new MemoryTree({
      "real/deep": { mode: 0o700 },
      "real/deep/run": { content: "x", mode: 0o750 },
      "real/locked": { mode: 0o500 },
      "real/deep/up": { target: "../../other/./file" },
      "other/file": { content: "y", mode: 0o600 },
      "other/back": { target: "..//real/deep/run" },
      "first": { target: "second" },
      "second": { target: "real" },
      "through": { target: "second/deep/up" },
    }),
    { portable: true, modes: "exact" },
  );
  const lines = members.map((member) =>
    `${member.kind} ${member.path} ${member.mode.toString(8)}${
      member.kind === "file" ? ` ${member.source}` : ""
    }`
  );
  const copy = (name: string): string[] => [
    `directory ${name} 755`,
    `directory ${name}/deep 700`,
    `file ${name}/deep/run 750 real/deep/run`,
    `file ${name}/deep/up 600 other/file`,
    `directory ${name}/locked 500`,
  ];
  assertEquals(lines, [
    ...copy("first"),
    "directory other 755",
    "symlink other/back 750",
    "file other/file 600 other/file",
    "directory real 755",
    "directory real/deep 700",
    "file real/deep/run 750 real/deep/run",
    "symlink real/deep/up 600",
    "directory real/locked 500",
    ...copy("second"),
    "symlink through 600",
  ]);
});

Deno.test("listMembers() refuses for the portable profile what a launcher would break", async (t) => {
  const file = { content: "" };
  const chain = (length: number): MemoryTreeInit =>
    Object.fromEntries([
      ...Array.from(
        { length },
        (_, at) => [`l${at}`, { target: `l${at + 1}` }],
      ),
      [`l${length}`, file],
    ]);
  const cases: Record<string, readonly [says: string, MemoryTreeInit]> = {
    "a link outside": ["leaves the directory", {
      "a/link": { target: "../../x" },
    }],
    "a link outside and back": ["leaves the directory", {
      "a/file": file,
      "a/link": { target: "../../tree/a/file" },
    }],
    "a link outside and back to the same name": ["leaves the directory", {
      "file": file,
      "link": { target: "../file" },
    }],
    "an absolute link": ["is absolute", { link: { target: "/etc" } }],
    "a link to an absolute link": ["is absolute", {
      a: { target: "b" },
      b: { target: "/a" },
    }],
    "a dangling link": ["leads to nothing", { link: { target: "nothing" } }],
    "a link to what is left out": ["leads to nothing", {
      link: { target: "left_out" },
      left_out: file,
    }],
    "a link to itself": ["leads in a circle", { link: { target: "link" } }],
    "two links in a circle": ["leads in a circle", {
      a: { target: "b" },
      b: { target: "a" },
    }],
    "more links than Linux follows": ["leads in a circle", chain(41)],
    "a link to the directory it is in": ["leads in a circle", {
      "a/up": { target: ".." },
    }],
    "a link to the directory above it": ["leads in a circle", {
      "a/b/up": { target: "../../a" },
    }],
    "directories that link to each other": ["leads in a circle", {
      "a/x": { target: "../b" },
      "b/y": { target: "../a" },
    }],
    "a directory that Go dissolves": ['Cannot pack "slot_0" of', {
      "slot_0/a": file,
    }],
    "nothing at all": ["would be empty", {}],
  };
  await paths(chain(40), { portable: true });
  for (const [name, [says, init]] of Object.entries(cases)) {
    await t.step(name, async () => {
      const error = await rejectsCode(
        "build/failed",
        () => paths(init, { portable: true, exclude: ["left_out"] }),
      );
      assertStringIncludes(error.message, says);
    });
  }
});
