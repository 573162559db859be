import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";

import { tempDir } from "../support/temp_dir.ts";
import { examplePackage, sharedCache } from "./support/example_package.ts";
import {
  flavor,
  type Outcome,
  run,
  type RunOptions,
} from "./support/processes.ts";

async function probe(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const path = await examplePackage("static-binary");
  const env = { FLAVOR_CACHE: sharedCache(), ...options.env };
  return await run(path, args, { ...options, env });
}

Deno.test("a package gets every argument byte for byte", async () => {
  const args = [
    "",
    "two words",
    "q\"u'o`te",
    "line\nfeed",
    "--flag=$HOME",
    "*",
    "ünï",
  ];
  const { stdout } = await probe(args);
  const encoder = new TextEncoder();
  const expected = args.map((arg) => `${encodeHex(encoder.encode(arg))}\n`);
  assertEquals(stdout, expected.join(""));
});

Deno.test("a package gets arguments that are not UTF-8", async () => {
  const path = await examplePackage("static-binary");
  const script = 'exec "$0" "$(printf \'a\\377b\')"';
  const { stdout } = await run("sh", ["-c", script, path], {
    env: { FLAVOR_CACHE: sharedCache() },
  });
  assertEquals(stdout, "61ff62\n");
});

Deno.test("a package ends with the program's code, from 0 to 255", async () => {
  // One shell for all of them: 256 starts through the runtime would be slow.
  const path = await examplePackage("static-binary");
  const script =
    'i=0; while [ $i -lt 256 ]; do "$0" exit $i; echo $?; i=$((i+1)); done';
  const { stdout } = await run("sh", ["-c", script, path], {
    env: { FLAVOR_CACHE: sharedCache() },
  });
  const expected = Array.from({ length: 256 }, (_, code) => `${code}\n`);
  assertEquals(stdout, expected.join(""));
});

Deno.test("a package reads standard input to the end", async () => {
  const stdin = Uint8Array.from({ length: 1 << 20 }, (_, at) => at % 256);
  const { bytes, code } = await probe(["stdin"], { stdin });
  assertEquals(code, 0);
  assertEquals(bytes, stdin);
});

Deno.test("a package keeps the working directory", async () => {
  await using dir = await tempDir();
  const { stdout } = await probe(["cwd"], { cwd: dir.path });
  assertEquals(stdout, dir.path);
});

Deno.test("a package inherits the environment and adds its own", async () => {
  const { stdout } = await probe(["env"], {
    env: {
      MINE: "two words\nand a line",
      FLAVOR_WORKENV: "/of/an/outer/package",
    },
  });
  const env = new Map(
    stdout.split("\0").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  assertEquals(env.get("MINE"), "two words\nand a line");
  assertEquals(env.get("FLAVOR_PACKAGE"), "static-binary");
  assertEquals(env.get("FLAVOR_VERSION"), "1.0.0");
  const workenv = env.get("FLAVOR_WORKENV") ?? "";
  assertStringIncludes(workenv, sharedCache());
  assertEquals(env.get("PATH")?.split(":")[0], `${workenv}/bin`);
});

for (const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
  Deno.test(`a package is ended by ${signal} like its program`, async () => {
    const path = await examplePackage("static-binary");
    const child = new Deno.Command(path, {
      args: ["wait"],
      env: { FLAVOR_CACHE: sharedCache() },
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const reader = child.stdout.getReader();
    assertEquals(
      new TextDecoder().decode((await reader.read()).value),
      "ready\n",
    );
    child.kill(signal);
    const status = await child.status;
    assertEquals([status.signal, status.code], [signal, code]);
    await reader.cancel();
  });
}

Deno.test("run passes arguments, input and the exit code through", async () => {
  const path = await examplePackage("static-binary");
  const env = { FLAVOR_CACHE: sharedCache() };
  const args = await flavor(["run", path, "--", "--help", "two words"], {
    env,
  });
  assertEquals(args.stdout, "2d2d68656c70\n74776f20776f726473\n");
  const exit = await flavor(["run", path, "--", "exit", "77"], { env });
  assertEquals(exit.code, 77);
  const stdin = new TextEncoder().encode("through");
  const copied = await flavor(["run", path, "--", "stdin"], { env, stdin });
  assertEquals(copied.stdout, "through");
});

Deno.test("run forwards a signal and reports how the program ended", async () => {
  const { flavorCommand } = await import("./support/processes.ts");
  const path = await examplePackage("static-binary");
  const [program, words] = flavorCommand(["run", path, "--", "wait"]);
  const child = new Deno.Command(program, {
    args: [...words],
    env: { FLAVOR_CACHE: sharedCache() },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  assertEquals(
    new TextDecoder().decode((await reader.read()).value),
    "ready\n",
  );
  child.kill("SIGTERM");
  assertEquals((await child.status).code, 143);
  await reader.cancel();
});

Deno.test("run refuses an argument that it cannot pass on", async () => {
  const path = await examplePackage("static-binary");
  const { code, stdout } = await flavor(["run", path, "--", "a\u{FFFD}b"]);
  assertEquals([code, stdout], [2, ""]);
});
