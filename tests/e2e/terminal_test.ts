import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";

import { tempDir } from "../support/temp_dir.ts";
import {
  flavor,
  flavorCommand,
  type Outcome,
  run,
} from "./support/processes.ts";
import { writeBigProject } from "./support/big_project.ts";

const IN_TERMINAL = fromFileUrl(
  new URL("./support/in_terminal.py", import.meta.url),
);
const CLEAR_LINE = "\r\x1b[K";
const env = { CI: "", TERM: "xterm", NO_COLOR: "" };

/** Runs `flavor` in a terminal; Ctrl-C is pressed once `pattern` was drawn. */
async function inTerminal(
  args: readonly string[],
  pattern = "",
): Promise<Outcome> {
  const [program, words] = flavorCommand(args);
  return await run("python3", [IN_TERMINAL, pattern, program, ...words], {
    env,
  });
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("pack draws one bar with bytes, rate and time left, and clears it", async () => {
  await using dir = await tempDir();
  const manifest = await writeBigProject(dir, 40 << 20);
  const output = dir.at("out", "big.psp");
  const args = ["pack", "-m", manifest, "-o", output, "--key-seed", "s"];
  const packed = await inTerminal(args);
  assertEquals(packed.code, 0, packed.stdout);
  assertMatch(
    packed.stdout,
    // deno-lint-ignore no-control-regex
    /\r\x1b\[Kpacking {2}\[#*-*\] +\d+ % {2}[\d.]+ MiB of 40 MiB {2}[\d.]+ [KM]iB\/s {2}\d+ s left/,
  );
  // After each bar its line is cleared, so that what follows starts at its left.
  const [last = ""] = packed.stdout.split(CLEAR_LINE).slice(-1);
  assert(last.includes("packed"), last);
  assert(!/\[#*-*\]/.test(last), last);

  assertEquals(names(dir.at("out")), ["big.psp"]);
});

Deno.test("Ctrl-C in a terminal clears the bar, leaves nothing and ends with 130", async () => {
  await using dir = await tempDir();
  const manifest = await writeBigProject(dir, 40 << 20);
  const output = await dir.write("out/big.psp", "an older package");
  const { code, stdout } = await inTerminal(
    ["pack", "-m", manifest, "-o", output],
    " % ",
  );
  assertEquals(code, 130, stdout);
  assert(stdout.includes("packing  ["), stdout);
  assert(stdout.endsWith(CLEAR_LINE), JSON.stringify(stdout.slice(-80)));
  assertEquals(names(dir.at("out")), ["big.psp"]);
  assertEquals(await Deno.readTextFile(output), "an older package");
});

Deno.test("Ctrl-C ends a native builder too, and removes what it worked with", async () => {
  await using dir = await tempDir();
  await dir.write("file", "content that stays as it is");
  const manifest = await dir.write(
    "flavor.toml",
    `package = { name = "slow", version = "1" }
execution = { command = "true" }
slots = [{ id = "file", source = "file", target = "file" }]
`,
  );
  // The terminal sends its signal to the whole group; this one is deaf to it.
  const builder = await dir.write(
    "builder",
    `#!/bin/sh
trap '' INT
echo $$ > "${dir.path}/pid"
pwd > "${dir.path}/cwd"
exec sleep 60
`,
    0o755,
  );
  const [program, words] = flavorCommand([
    "pack",
    "-m",
    manifest,
    "-o",
    dir.at("out", "slow.psp"),
    "--builder-bin",
    builder,
  ]);
  const child = new Deno.Command(program, {
    args: [...words],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const written = async (name: string): Promise<string> => {
    for (let look = 0; look < 1000; look++) {
      const text = await Deno.readTextFile(dir.at(name)).catch(() => "");
      if (text.endsWith("\n")) return text.trim();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("the builder was never started");
  };
  const work = await written("cwd");
  const pid = await written("pid");
  child.kill("SIGINT");
  assertEquals((await child.status).code, 130);
  // Whoever takes over its remains may let them lie for a while.
  const ended = await run("sh", [
    "-c",
    `for _ in $(seq 500); do
  case $(ps -o stat= -p ${pid}) in '' | Z*) exit 0 ;; esac
  sleep 0.01
done
exit 1`,
  ]);
  assertEquals(ended.code, 0);
  const left = await run("sh", ["-c", `test -e '${work}'`]);
  assertEquals(left.code === 0, false);
  assertEquals(names(dir.at("out")), []);
});

Deno.test("verify says nothing but its result when it writes to a pipe", async () => {
  await using dir = await tempDir();
  const manifest = await writeBigProject(dir, 40 << 20);
  await dir.write("noise", "small");
  const output = dir.at("big.psp");
  const packed = await flavor(
    ["pack", "-m", manifest, "-o", output, "--key-seed", "s"],
    { env },
  );
  assertEquals([packed.code, packed.stderr], [0, ""]);
  const verified = await flavor(["verify", output], { env });
  assertEquals([verified.code, verified.stderr], [0, ""]);
  assertEquals(verified.stdout.includes("\x1b"), false);
});
