import { assertEquals, assertRejects } from "@std/assert";

import { createDenoHost } from "../../lib/host/deno_host.ts";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

const { reader } = createDenoHost();

Deno.test("read() keeps concurrent reads apart", async () => {
  await using dir = await tempDir();
  const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => at % 251);
  const path = await dir.write("file", bytes);
  await using source = await reader.openSource(path);
  const offsets = Array.from({ length: 50 }, (_, at) => at * 1999);
  const parts = await Promise.all(offsets.map((at) => source.read(at, 7)));
  assertEquals(parts, offsets.map((at) => bytes.slice(at, at + 7)));
});

Deno.test("stream() gives exactly the range asked for", async () => {
  await using dir = await tempDir();
  const bytes = Uint8Array.from({ length: 3_000_000 }, (_, at) => at % 253);
  const path = await dir.write("file", bytes);
  await using source = await reader.openSource(path);
  const stream = source.stream(10, 2_500_000);
  const got = new Uint8Array(await new Response(stream).arrayBuffer());
  assertEquals(got, bytes.slice(10, 2_500_010));
});

Deno.test("read() refuses a range outside of the file", async () => {
  await using dir = await tempDir();
  await using source = await reader.openSource(await dir.write("file", "abc"));
  await assertRejects(() => source.read(2, 2), RangeError);
});

Deno.test("read() reports a file that shrank", async () => {
  await using dir = await tempDir();
  const path = await dir.write("file", "0123456789");
  await using source = await reader.openSource(path);
  await Deno.truncate(path, 4);
  await rejectsCode("io/failed", () => source.read(0, 10));
});

Deno.test("openSource() names what is missing, a directory or not allowed", async () => {
  await using dir = await tempDir();
  await rejectsCode("io/not-found", () => reader.openSource(dir.at("nothing")));
  await rejectsCode("io/failed", () => reader.openSource(dir.path));
});

Deno.test("openSource() does not wait for a pipe's writer", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = await tempDir();
  await new Deno.Command("mkfifo", { args: [dir.at("pipe")] }).output();
  await rejectsCode("io/failed", () => reader.openSource(dir.at("pipe")));
});
