import { assertEquals, assertStringIncludes } from "@std/assert";
import { basename } from "@std/path";
import fs from "node:fs";

import { createDenoHost } from "../../lib/host/deno_host.ts";
import {
  sweepLeftovers,
  temporaryPathFor,
} from "../../lib/host/temporaries.ts";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

const { writer } = createDenoHost();
const ON_UNIX = { ignore: Deno.build.os === "windows" };

function stream(text: string): ReadableStream<Uint8Array> {
  return ReadableStream.from([new TextEncoder().encode(text)]);
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

function modeOf(path: string): number {
  return (Deno.lstatSync(path).mode ?? 0) & 0o7777;
}

/** Permission bits by path, for everything below a directory. */
function modes(root: string, base = ""): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of names(`${root}/${base}`)) {
    const path = base === "" ? name : `${base}/${name}`;
    found[path] = modeOf(`${root}/${path}`);
    if (Deno.lstatSync(`${root}/${path}`).isDirectory) {
      Object.assign(found, modes(root, path));
    }
  }
  return found;
}

Deno.test("createDirectory() shows nothing before commit and leaves nothing after a failure", async () => {
  await using dir = await tempDir();
  {
    await using draft = await writer.createDirectory(dir.at("out"));
    await draft.target.file("a/b", 0o644, 1, stream("x"));
    assertEquals(names(dir.path).includes("out"), false);
  }
  assertEquals(names(dir.path), []);
});

Deno.test(
  "commit() publishes with modes, whoever finished the target",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    for (const merge of [false, true]) {
      await using draft = await writer.createDirectory(dir.at("out"), merge);
      await draft.target.directory("locked", 0o555);
      await draft.target.file("locked/program", 0o750, undefined, stream("x"));
      await draft.target.file("implicit/file", 0o600, undefined, stream("x"));
      await draft.commit();
      assertEquals(modes(dir.at("out")), {
        "locked": 0o555,
        "locked/program": 0o750,
        "implicit": 0o755,
        "implicit/file": 0o600,
      });
      await Deno.chmod(dir.at("out/locked"), 0o700);
    }
  },
);

Deno.test(
  "commit() keeps the modes of directories that it only merges into",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await dir.write("out/mine/inner/file", "x", 0o640);
    await Deno.chmod(dir.at("out/mine/inner"), 0o2710);
    await Deno.chmod(dir.at("out"), 0o1775);
    await using draft = await writer.createDirectory(dir.at("out"), true);
    await draft.target.file("mine/inner/new", 0o600, undefined, stream("x"));
    await draft.target.directory("mine", 0o750);
    await draft.commit();
    assertEquals(modes(dir.at("out")), {
      "mine": 0o750,
      "mine/inner": 0o2710,
      "mine/inner/file": 0o640,
      "mine/inner/new": 0o600,
    });
    assertEquals(modeOf(dir.at("out")), 0o1775);
  },
);

Deno.test(
  "file() never writes through a link of the archive",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await dir.write("outside/file", "untouched");
    await using draft = await writer.createDirectory(dir.at("out"));
    const { target } = draft;
    await target.symlink("link", dir.at("outside"));
    await target.symlink("file", dir.at("outside", "file"));
    await rejectsCode(
      "archive/unsafe-path",
      () => target.file("link/file", 0o644, undefined, stream("bad")),
    );
    await rejectsCode(
      "archive/unsafe-path",
      () => target.hardLink("copy", "link/file"),
    );
    // A member with the name of a link takes the link's place.
    await target.file("file", 0o644, undefined, stream("new"));
    await target.directory("link", 0o777);
    await target.file("link/file", 0o644, undefined, stream("new"));
    assertEquals(
      await Deno.readTextFile(dir.at("outside", "file")),
      "untouched",
    );
  },
);

Deno.test("createDirectory() refuses a directory with content unless it may merge", async () => {
  await using dir = await tempDir();
  await dir.write("out/mine", "mine");
  await dir.write("out/a", "old");
  await rejectsCode("io/exists", () => writer.createDirectory(dir.at("out")));
  await using draft = await writer.createDirectory(dir.at("out"), true);
  await draft.target.file("a", 0o644, undefined, stream("new"));
  await draft.commit();
  assertEquals(await Deno.readTextFile(dir.at("out/a")), "new");
  assertEquals(await Deno.readTextFile(dir.at("out/mine")), "mine");
});

Deno.test(
  "commit() replaces a link itself, never what it points to",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await dir.write("outside", "untouched");
    await dir.write("out/x", "x");
    await Deno.symlink(dir.at("outside"), dir.at("out", "a"));
    await using draft = await writer.createDirectory(dir.at("out"), true);
    await draft.target.file("a", 0o644, undefined, stream("new"));
    await draft.commit();
    assertEquals(await Deno.readTextFile(dir.at("outside")), "untouched");
    assertEquals(await Deno.readTextFile(dir.at("out/a")), "new");
  },
);

Deno.test(
  "remove() opens directories that forbid it and follows no link",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await dir.write("keep/file", "kept");
    await dir.write("gone/locked/file", "x");
    await Deno.symlink(dir.at("keep"), dir.at("gone", "link"));
    await Deno.chmod(dir.at("gone/locked"), 0o000);
    await writer.remove(dir.at("gone"));
    assertEquals(names(dir.path), ["keep"]);
    assertEquals(names(dir.at("keep")), ["file"]);
  },
);

Deno.test(
  "commit() lets directories and files take each other's place, and throws nothing away that has content",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await dir.write("outside/file", "untouched");
    await dir.write("out/file", "old");
    await Deno.symlink(dir.at("outside"), dir.at("out", "link"));
    await Deno.mkdir(dir.at("out/empty"));
    {
      await using draft = await writer.createDirectory(dir.at("out"), true);
      await draft.target.file("file/in", 0o644, undefined, stream("new"));
      await draft.target.file("link/file", 0o644, undefined, stream("new"));
      await draft.target.file("empty", 0o644, undefined, stream("new"));
      await draft.commit();
    }
    assertEquals(Object.keys(modes(dir.at("out"))).sort(), [
      ...["empty", "file", "file/in", "link", "link/file"],
    ]);
    assertEquals(await Deno.readTextFile(dir.at("outside/file")), "untouched");
    const { success } = await new Deno.Command("mkfifo", {
      args: [dir.at("out/pipe")],
    }).output();
    assertEquals(success, true);
    for (
      const [member, says] of [["file", "content"], [
        "pipe",
        "regular",
      ]] as const
    ) {
      await using draft = await writer.createDirectory(dir.at("out"), true);
      await draft.target.file(member, 0o644, undefined, stream("bad"));
      await draft.target.symlink("empty", "elsewhere");
      const error = await rejectsCode("io/exists", () => draft.commit());
      assertStringIncludes(error.message, says);
      assertEquals(await Deno.readTextFile(dir.at("out/empty")), "new");
    }
  },
);

Deno.test(
  "createDirectory() takes the place of a file only when it may",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await dir.write("outside", "untouched");
    await dir.write("file", "old");
    await Deno.symlink(dir.at("outside"), dir.at("link"));
    await Deno.symlink(dir.at("nothing"), dir.at("dangling"));
    for (const name of ["file", "link", "dangling"]) {
      const error = await rejectsCode(
        "io/exists",
        () => writer.createDirectory(dir.at(name)),
      );
      assertStringIncludes(error.hint ?? "", "--force");
      await using draft = await writer.createDirectory(dir.at(name), true);
      await draft.target.file("in", 0o644, undefined, stream("new"));
      await draft.commit();
      assertEquals(names(dir.at(name)), ["in"]);
    }
    assertEquals(await Deno.readTextFile(dir.at("outside")), "untouched");
    await rejectsCode(
      "io/exists",
      () => writer.createDirectory("/dev/null", true),
    );
  },
);

Deno.test(
  "createDirectory() fills the directory that a link leads to",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.at("real"), { mode: 0o700 });
    await Deno.symlink("real", dir.at("link"));
    for (const name of ["a", "b"]) {
      await using draft = await writer.createDirectory(
        dir.at("link"),
        name === "b",
      );
      await draft.target.file(name, 0o644, undefined, stream("x"));
      await draft.commit();
    }
    assertEquals(names(dir.at("real")), ["a", "b"]);
    assertEquals(names(dir.path), ["link", "real"]);
    // What was there and empty keeps its mode.
    assertEquals(modeOf(dir.at("real")), 0o700);
  },
);

Deno.test("commit() looks again at what is in its place", async () => {
  await using dir = await tempDir();
  const appear: Record<string, () => Promise<unknown>> = {
    file: () => dir.write("out", "mine"),
    directory: () => dir.write("out/mine", "mine"),
  };
  for (const [name, make] of Object.entries(appear)) {
    await using draft = await writer.createDirectory(dir.at("out"));
    await draft.target.file("in", 0o644, undefined, stream("x"));
    await make();
    await rejectsCode("io/exists", () => draft.commit());
    const left = name === "file" ? dir.at("out") : dir.at("out/mine");
    assertEquals(await Deno.readTextFile(left), "mine");
    await writer.remove(dir.at("out"));
  }
});

/** Sweeps after a directory was created, and once more after it was opened. */
function sweepBetweenSteps(target: string): Disposable & { sweeps: number } {
  const { mkdirSync } = fs;
  const { openSync } = Deno;
  let isSweeping = false;
  const patch = {
    sweeps: 0,
    [Symbol.dispose]: () => {
      fs.mkdirSync = mkdirSync;
      Deno.openSync = openSync;
    },
  };
  const sweepAt = (step: number): void => {
    if (patch.sweeps !== step || isSweeping) return;
    isSweeping = true;
    sweepLeftovers(target);
    isSweeping = false;
    patch.sweeps++;
  };
  fs.mkdirSync = ((path: string, options: fs.MakeDirectoryOptions) => {
    mkdirSync(path, options);
    if (path.endsWith(".flavor-tmp")) sweepAt(0);
  }) as typeof mkdirSync;
  Deno.openSync = (path, options) => {
    const file = openSync(path, options);
    sweepAt(1);
    return file;
  };
  return patch;
}

Deno.test(
  "createDirectory() makes another directory when one is swept before it is locked",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    using patch = sweepBetweenSteps(dir.at("out"));
    await using draft = await writer.createDirectory(dir.at("out"));
    await draft.target.file("file", 0o644, undefined, stream("x"));
    await draft.commit();
    assertEquals(patch.sweeps, 2);
    assertEquals(names(dir.path), ["out"]);
  },
);

Deno.test(
  "a draft's lock is exclusive, ends with it, and keeps sweepers away",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    {
      await using draft = await writer.createDirectory(dir.at("out"));
      const [name = ""] = names(dir.path);
      sweepLeftovers(dir.at("out"));
      assertEquals(names(dir.path), [name]);
      using other = await Deno.open(dir.at(name));
      assertEquals(await other.tryLock(false), false);
      await draft.target.file("file", 0o644, undefined, stream("x"));
    }
    assertEquals(names(dir.path), []);
    const left = temporaryPathFor(dir.at("out"));
    await Deno.mkdir(left);
    await Deno.mkdir(`${left}x`);
    sweepLeftovers(dir.at("out"));
    assertEquals(names(dir.path), [`${basename(left)}x`]);
  },
);
