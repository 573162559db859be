import { assert, assertEquals } from "@std/assert";

import { tempDir } from "../support/temp_dir.ts";
import { flavor, flavorCommand } from "./support/processes.ts";
import { writeBigProject } from "./support/big_project.ts";

function startPack(manifest: string, output: string): Deno.ChildProcess {
  const [program, args] = flavorCommand([
    "pack",
    "-m",
    manifest,
    "-o",
    output,
    "--key-seed",
    "interrupt",
  ]);
  return new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Waits until the process has its output directory made: it is at work. */
async function atWork(directory: string): Promise<void> {
  for (;;) {
    try {
      await Deno.stat(directory);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 130]] as const) {
  Deno.test(`pack ends with ${code} on ${signal} and leaves nothing`, async () => {
    await using dir = await tempDir();
    const manifest = await writeBigProject(dir, 64 << 20);
    const child = startPack(manifest, dir.at("out", "big.psp"));
    await atWork(dir.at("out"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.kill(signal);
    assertEquals((await child.status).code, code);
    assertEquals(names(dir.at("out")), []);
  });
}

Deno.test("a killed pack leaves no output, and the next one clears up", async () => {
  await using dir = await tempDir();
  const manifest = await writeBigProject(dir, 64 << 20);
  const output = await dir.write("out/big.psp", "an older package");
  const child = startPack(manifest, output);
  await new Promise((resolve) => setTimeout(resolve, 700));
  child.kill("SIGKILL");
  await child.status;
  assertEquals(await Deno.readTextFile(output), "an older package");
  await dir.write("noise", "small now");
  const { code, stderr } = await flavor(["pack", "-m", manifest, "-o", output]);
  assertEquals(code, 0, stderr);
  assertEquals(names(dir.at("out")), ["big.psp"]);
  assert((await Deno.stat(output)).size > 100_000);
});

Deno.test("extract and extract-all end with 130 on SIGINT and leave nothing", async () => {
  await using dir = await tempDir();
  const manifest = await writeBigProject(dir, 64 << 20);
  const output = dir.at("in", "big.psp");
  const text = await Deno.readTextFile(manifest);
  await Deno.writeTextFile(
    manifest,
    text.replace('"zstd", level = 19', '"gzip", level = 1'),
  );
  const packed = await flavor(["pack", "-m", manifest, "-o", output]);
  assertEquals(packed.code, 0, packed.stderr);
  await dir.write("out/kept", "");
  for (
    const args of [
      ["extract", output, "noise", dir.at("out", "noise")],
      ["extract-all", output, dir.at("out", "all")],
    ]
  ) {
    const [program, words] = flavorCommand(args);
    const child = new Deno.Command(program, {
      args: [...words],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    // It is at work once there is something that it has to remove again.
    while (names(dir.at("out")).length === 1) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    child.kill("SIGINT");
    assertEquals((await child.status).code, 130, args[0]);
    assertEquals(names(dir.at("out")), ["kept"], args[0]);
  }
});
