import { assertEquals } from "@std/assert";

import { createDenoHost } from "../../lib/host/deno_host.ts";
import { Temporaries } from "../../lib/host/temporaries.ts";
import { asOrdinaryUser } from "../support/ordinary_user.ts";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

function stream(text: string): ReadableStream<Uint8Array> {
  return ReadableStream.from([new TextEncoder().encode(text)]);
}

const text = (path: string): string => Deno.readTextFileSync(path);

const count = (path: string): number => [...Deno.readDirSync(path)].length;

const mode = (path: string): number =>
  (Deno.lstatSync(path).mode ?? 0) & 0o7777;

asOrdinaryUser(import.meta.url, () => {
  const { writer } = createDenoHost();

  /** What an archive with a directory that forbids writing brings. */
  async function extract(
    path: string,
    content: string,
    finishes: boolean,
  ): Promise<void> {
    await using draft = await writer.createDirectory(path, true);
    const { target } = draft;
    await target.directory("locked", 0o555);
    await target.directory("locked/inner", 0o500);
    await target.file("locked/inner/file", 0o444, undefined, stream(content));
    if (finishes) await target.finish();
    await target.file("locked/second", 0o400, undefined, stream(content));
    if (finishes) await target.finish();
    await draft.commit();
  }

  for (const finishes of [false, true]) {
    const when = finishes ? "a target that was finished" : "a target";
    Deno.test(`commit() publishes ${when} with directories that forbid writing, and merges it again`, async () => {
      await using dir = await tempDir();
      for (const content of ["first", "second"]) {
        await extract(dir.at("out"), content, finishes);
        assertEquals(mode(dir.at("out/locked")), 0o555);
        assertEquals(mode(dir.at("out/locked/inner")), 0o500);
        assertEquals(mode(dir.at("out/locked/second")), 0o400);
        assertEquals(text(dir.at("out/locked/second")), content);
        assertEquals(
          text(dir.at("out/locked/inner/file")),
          content,
        );
        assertEquals(count(dir.path), 1);
      }
    });
  }

  Deno.test("commit() merges below a root that forbids writing, and leaves it so", async () => {
    await using dir = await tempDir();
    await dir.write("out/mine", "mine");
    await Deno.mkdir(dir.at("out/plain"), { mode: 0o550 });
    await Deno.chmod(dir.at("out"), 0o555);
    await using draft = await writer.createDirectory(dir.at("out"), true);
    await draft.target.file("plain/new", 0o644, undefined, stream("x"));
    await draft.commit();
    assertEquals(mode(dir.at("out")), 0o555);
    assertEquals(mode(dir.at("out/plain")), 0o550);
    assertEquals(text(dir.at("out/plain/new")), "x");
  });

  Deno.test("commit() changes nothing when a part of it is refused", async () => {
    await using dir = await tempDir();
    await dir.write("out/a/file", "old");
    await dir.write("out/b/content", "kept");
    await Deno.chmod(dir.at("out/a"), 0o555);
    await using draft = await writer.createDirectory(dir.at("out"), true);
    await draft.target.file("a/file", 0o644, undefined, stream("new"));
    await draft.target.file("a/other", 0o644, undefined, stream("new"));
    // A directory with content does not give way to a file.
    await draft.target.file("b", 0o644, undefined, stream("new"));
    await rejectsCode("io/exists", () => draft.commit());
    assertEquals(text(dir.at("out/a/file")), "old");
    assertEquals(count(dir.at("out/a")), 1);
    assertEquals(mode(dir.at("out/a")), 0o555);
    assertEquals(text(dir.at("out/b/content")), "kept");
  });

  Deno.test("a draft that is given up leaves nothing, whatever its modes", async () => {
    await using dir = await tempDir();
    {
      await using draft = await writer.createDirectory(dir.at("out"));
      await draft.target.directory("locked/inner", 0o500);
      await draft.target.directory("locked", 0o500);
      await draft.target.finish();
    }
    assertEquals(count(dir.path), 0);
  });

  Deno.test("Temporaries.removeAll() removes directories that forbid it", async () => {
    await using dir = await tempDir();
    await dir.write("unfinished/locked/file", "x");
    await Deno.chmod(dir.at("unfinished/locked"), 0o500);
    const temporaries = new Temporaries();
    temporaries.add(dir.at("unfinished"));
    temporaries.removeAll();
    assertEquals(count(dir.path), 0);
  });

  Deno.test("a file is published in a directory that cannot be listed", async () => {
    await using dir = await tempDir();
    await Deno.mkdir(dir.at("drop"));
    await Deno.chmod(dir.at("drop"), 0o300);
    for (const replace of [false, true]) {
      await using sink = await writer.createSink(dir.at("drop/file"), {
        replace,
      });
      await sink.write(new TextEncoder().encode(String(replace)));
      await sink.commit();
      assertEquals(
        text(dir.at("drop/file")),
        String(replace),
      );
    }
  });
});
