import { assertEquals } from "@std/assert";

import { createDenoHost } from "../../lib/host/mod.ts";
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

Deno.test("createDirectory() shows nothing before commit and leaves nothing after a failure", async () => {
  await using dir = await tempDir();
  {
    await using draft = await writer.createDirectory(dir.at("out"));
    await draft.target.file("a/b", 0o644, 1, stream("x"));
    assertEquals(names(dir.path).includes("out"), false);
  }
  assertEquals(names(dir.path), []);
});

Deno.test("commit() publishes files with their modes", ON_UNIX, async () => {
  await using dir = await tempDir();
  await using draft = await writer.createDirectory(dir.at("out"));
  await draft.target.directory("locked", 0o555);
  await draft.target.file("locked/program", 0o750, undefined, stream("x"));
  await draft.target.finish();
  await draft.commit();
  const mode = (path: string): number =>
    (Deno.statSync(dir.at(path)).mode ?? 0) & 0o7777;
  assertEquals(mode("out/locked"), 0o555);
  assertEquals(mode("out/locked/program"), 0o750);
});

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

Deno.test("hardLink() refuses a link as its source", ON_UNIX, async () => {
  await using dir = await tempDir();
  await dir.write("secret", "secret");
  await using draft = await writer.createDirectory(dir.at("out"));
  await draft.target.symlink("link", dir.at("secret"));
  await rejectsCode(
    "archive/unsafe-path",
    () => draft.target.hardLink("copy", "link"),
  );
});

for (const path of ["../x", "/x", "a/../../x", "a//b", ".", "a\0b", ""]) {
  Deno.test(`file() refuses the path ${JSON.stringify(path)}`, async () => {
    await using dir = await tempDir();
    await using draft = await writer.createDirectory(dir.at("out"));
    await rejectsCode(
      "archive/unsafe-path",
      () => draft.target.file(path, 0o644, undefined, stream("bad")),
    );
  });
}

Deno.test("file() drops setuid and sticky bits", ON_UNIX, async () => {
  await using dir = await tempDir();
  await using draft = await writer.createDirectory(dir.at("out"));
  await draft.target.file("program", 0o6755, undefined, stream("x"));
  await draft.commit();
  const { mode } = await Deno.stat(dir.at("out/program"));
  assertEquals((mode ?? 0) & 0o7777, 0o755);
});

Deno.test("file() reports content of another length", async () => {
  await using dir = await tempDir();
  await using draft = await writer.createDirectory(dir.at("out"));
  await rejectsCode(
    "archive/truncated",
    () => draft.target.file("file", 0o644, 5, stream("four")),
  );
});

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
  "commit() never merges into a directory behind a link",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await dir.write("outside/file", "untouched");
    await dir.write("out/x", "x");
    await Deno.symlink(dir.at("outside"), dir.at("out", "a"));
    await using draft = await writer.createDirectory(dir.at("out"), true);
    await draft.target.file("a/file", 0o644, undefined, stream("bad"));
    await rejectsCode("io/exists", () => draft.commit());
    assertEquals(await Deno.readTextFile(dir.at("outside/file")), "untouched");
  },
);
