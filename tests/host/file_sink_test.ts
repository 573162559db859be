import { assertEquals } from "@std/assert";

import { createDenoHost } from "../../lib/host/deno_host.ts";
import { temporaryPathFor } from "../../lib/host/temporaries.ts";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

const { writer } = createDenoHost();
const BYTES = new TextEncoder().encode("content");

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("createSink() leaves nothing when it is not committed", async () => {
  await using dir = await tempDir();
  {
    await using sink = await writer.createSink(dir.at("out"));
    await sink.write(BYTES);
    assertEquals(names(dir.path).length, 1);
  }
  assertEquals(names(dir.path), []);
});

Deno.test("createSink() keeps an existing file until commit", async () => {
  await using dir = await tempDir();
  const path = await dir.write("out", "old");
  await using sink = await writer.createSink(path, { replace: true });
  await sink.write(BYTES);
  assertEquals(await Deno.readTextFile(path), "old");
  await sink.commit();
  assertEquals(await Deno.readTextFile(path), "content");
  assertEquals(names(dir.path), ["out"]);
});

Deno.test("createSink() gives the mode asked for, whatever the umask", async () => {
  await using dir = await tempDir();
  const before = Deno.umask(0o077);
  try {
    await using sink = await writer.createSink(dir.at("out"), { mode: 0o755 });
    await sink.commit();
  } finally {
    Deno.umask(before);
  }
  assertEquals(((await Deno.stat(dir.at("out"))).mode ?? 0) & 0o777, 0o755);
});

Deno.test("createSink() refuses an existing name unless it may replace it", async () => {
  await using dir = await tempDir();
  const path = await dir.write("out", "old");
  await rejectsCode("io/exists", () => writer.createSink(path));
  assertEquals(await Deno.readTextFile(path), "old");
});

Deno.test("commit() refuses a name that was taken in the meantime", async () => {
  await using dir = await tempDir();
  {
    await using sink = await writer.createSink(dir.at("out"));
    await sink.write(BYTES);
    await dir.write("out", "somebody else's");
    await rejectsCode("io/exists", () => sink.commit());
  }
  assertEquals(await Deno.readTextFile(dir.at("out")), "somebody else's");
  assertEquals(names(dir.path), ["out"]);
});

Deno.test("createSink() removes what a killed process left, not what a living one writes", async () => {
  await using dir = await tempDir();
  const dead = temporaryPathFor(dir.at("out"));
  await Deno.writeTextFile(dead, "left behind");
  await using living = await writer.createSink(dir.at("out"));
  await living.write(BYTES);
  await using second = await writer.createSink(dir.at("out"));
  await second.write(BYTES);
  assertEquals(names(dir.path).length, 2);
  await living.commit();
  assertEquals(await Deno.readTextFile(dir.at("out")), "content");
});

Deno.test("createSink() replaces no directory, pipe or device", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.at("directory"));
  await new Deno.Command("mkfifo", { args: [dir.at("pipe")] }).output();
  for (const path of [dir.at("directory"), dir.at("pipe"), "/dev/null"]) {
    await rejectsCode(
      "io/exists",
      () => writer.createSink(path, { replace: true }),
    );
  }
  assertEquals(names(dir.path), ["directory", "pipe"]);
});

Deno.test("reopen() reads what was written so far", async () => {
  await using dir = await tempDir();
  await using sink = await writer.createSink(dir.at("out"));
  const large = new Uint8Array(3 << 20).fill(7);
  await sink.write(BYTES);
  await sink.write(large);
  await using source = await sink.reopen();
  assertEquals(source.size, BYTES.length + large.length);
  assertEquals(await source.read(0, BYTES.length), BYTES);
  assertEquals((await source.read(source.size - 1, 1))[0], 7);
});

Deno.test("reopen() reads what was written, even when another file has the name", async () => {
  await using dir = await tempDir();
  await using sink = await writer.createSink(dir.at("out"));
  await sink.write(BYTES);
  const [temporary = ""] = names(dir.path);
  await Deno.remove(dir.at(temporary));
  await Deno.writeTextFile(dir.at(temporary), "somebody else's");
  await using source = await sink.reopen();
  assertEquals(await source.read(0, source.size), BYTES);
});
