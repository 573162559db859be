import { assertEquals, assertStringIncludes } from "@std/assert";

import type { Host, RunRequest } from "../../lib/host/types.ts";
import { cli, type CliOutcome } from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const LAUNCHER = "checkout/dist/bin/flavor-rs-launcher-linux_amd64";
const OURS = "flavor-rs-launcher/1 pspf-2025 ops=none,tar,gzip,zstd;";

/** Runs a command in a checkout whose build script is a function. */
async function inCheckout(
  dir: TempDir,
  args: readonly string[],
  script: (request: RunRequest) => Promise<number> = () => Promise.resolve(0),
): Promise<CliOutcome> {
  return await cli(args, {
    cwd: dir.path,
    change: (host: Host) => ({
      ...host,
      machine: {
        ...host.machine,
        platform: "linux_amd64",
        home: dir.at("home"),
        checkout: dir.at("checkout"),
      },
      processes: {
        ...host.processes,
        runTool: async (request) => ({ code: await script(request) }),
        capture: () => Promise.reject(new Error("nothing is run")),
      },
    }),
  });
}

Deno.test("helpers build fails and says so when nothing was built", async () => {
  await using dir = await tempDir();
  const kept = await inCheckout(dir, ["helpers", "build"]);
  assertEquals([kept.code, kept.out], [6, ""]);
  assertStringIncludes(kept.err, "Nothing was built");
  assertStringIncludes(kept.err, "[launcher/failed]");
  const broken = await inCheckout(
    dir,
    ["helpers", "build"],
    () => Promise.resolve(3),
  );
  assertEquals(broken.code, 6);
  assertStringIncludes(broken.err, "ended with code 3");
});

Deno.test("helpers build says what it built, and what was up to date", async () => {
  await using dir = await tempDir();
  const asked: (readonly string[])[] = [];
  const build = async ({ args }: RunRequest): Promise<number> => {
    asked.push(args);
    await dir.write(LAUNCHER, foreignLauncher());
    return 0;
  };
  const first = await inCheckout(dir, ["helpers", "build", "--force"], build);
  assertEquals(first.code, 0, first.err);
  assertStringIncludes(first.out, `built ${dir.at(LAUNCHER)}`);
  const second = await inCheckout(dir, ["helpers", "build", "--json"]);
  assertEquals(asked, [[]]);
  const { path, built } = JSON.parse(second.out);
  assertEquals([path, built], [dir.at(LAUNCHER), false]);
  const third = await inCheckout(dir, ["helpers", "build"]);
  assertStringIncludes(third.out, `up to date: ${dir.at(LAUNCHER)}`);
});

Deno.test("helpers info takes the path of any launcher, wherever it is and whatever it is called", async () => {
  await using dir = await tempDir();
  const elf = new Uint8Array(200);
  elf.set(foreignLauncher());
  elf.set(new TextEncoder().encode(OURS), 100);
  await dir.write("elsewhere/my launcher", elf);
  const json = await inCheckout(dir, [
    "helpers",
    "info",
    "elsewhere/my launcher",
    "--json",
  ]);
  assertEquals(json.code, 0, json.err);
  const facts = JSON.parse(json.out);
  assertEquals(
    [facts.name, facts.path, facts.language, facts.role, facts.runs_on],
    [
      "my launcher",
      dir.at("elsewhere/my launcher"),
      "rust",
      "launcher",
      ["linux_amd64"],
    ],
  );
  assertEquals(facts.operations, ["none", "tar", "gzip", "zstd"]);
  await dir.write("notes.txt", "no program at all");
  const text = await inCheckout(dir, ["helpers", "info", "./notes.txt"]);
  assertStringIncludes(text.out, "runs on     nothing that is known");
  const missing = await inCheckout(dir, ["helpers", "info", "./nothing"]);
  assertEquals(missing.code, 5);
  assertStringIncludes(missing.err, 'No helper "./nothing"');
});

Deno.test("helpers info still takes a helper's name", async () => {
  await using dir = await tempDir();
  await dir.write(LAUNCHER, foreignLauncher());
  const { code, out } = await inCheckout(dir, [
    "helpers",
    "info",
    "flavor-rs-launcher-linux_amd64",
  ]);
  assertEquals(code, 0);
  assertStringIncludes(out, dir.at(LAUNCHER));
});
