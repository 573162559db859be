import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

import { createDenoHost } from "../../lib/host/deno_host.ts";
import { cli, type CliOutcome } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const PLATFORM = createDenoHost().machine.platform;
const BUILT = fromFileUrl(
  new URL(`../../dist/bin/flavor-rs-launcher-${PLATFORM}`, import.meta.url),
);
const ARM = "flavor-go-launcher-linux_arm64";
const BROKEN = `flavor-go-launcher-${PLATFORM}`;

/** An ELF header with nothing behind it. */
function elf(machine: number): Uint8Array {
  const bytes = new Uint8Array(200);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  bytes[18] = machine;
  return bytes;
}

/** A checkout with one launcher that works and one for another platform. */
async function checkout(dir: TempDir): Promise<void> {
  await dir.write(`dist/bin/${ARM}`, elf(183), 0o755);
  await dir.write("dist/bin/notes.txt", "kept");
  await Deno.copyFile(
    BUILT,
    dir.at("dist/bin", `flavor-rs-launcher-${PLATFORM}`),
  );
}

async function helpers(
  dir: TempDir,
  ...args: readonly string[]
): Promise<CliOutcome> {
  return await cli(["helpers", ...args], {
    cwd: dir.path,
    change: (host) => ({
      ...host,
      machine: { ...host.machine, checkout: dir.path, home: dir.at("home") },
    }),
  });
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("helpers test starts a package with every launcher that runs here, and names those it skips", async () => {
  await using dir = await tempDir();
  await checkout(dir);
  const { code, out, err } = await helpers(dir, "test", "--json");
  assertEquals(code, 0, err);
  const { passed, helpers: verdicts } = JSON.parse(out);
  assertEquals(passed, true);
  assertEquals(
    verdicts.map((one: { name: string; status: string }) => [
      one.name,
      one.status,
    ]),
    [[ARM, "skip"], [`flavor-rs-launcher-${PLATFORM}`, "pass"]],
  );
  const text = await helpers(dir, "test");
  assertStringIncludes(text.out, `skip  ${ARM}`);
  assertStringIncludes(text.out, "runs on linux_arm64");
});

Deno.test("helpers test fails when a launcher does, and when there is none", async () => {
  await using dir = await tempDir();
  await checkout(dir);
  await dir.write(`dist/bin/${BROKEN}`, elf(62), 0o755);
  const { code, out, err } = await helpers(dir, "test", "--json");
  assertEquals(code, 6, err);
  const { passed, helpers: verdicts } = JSON.parse(out);
  assertEquals(passed, false);
  const broken = verdicts.find((one: { name: string }) => one.name === BROKEN);
  assertEquals(broken.status, "fail");
  await Deno.remove(dir.at("dist/bin", BROKEN));
  await Deno.remove(dir.at("dist/bin", `flavor-rs-launcher-${PLATFORM}`));
  const none = await helpers(dir, "test");
  assertEquals(none.code, 5);
  assertStringIncludes(none.err, `skipped ${ARM}`);
});

Deno.test("helpers list and info tell platform, version, size and digest", async () => {
  await using dir = await tempDir();
  await checkout(dir);
  const name = `flavor-rs-launcher-${PLATFORM}`;
  const { out } = await helpers(dir, "list", "--json");
  const [arm, ours] = JSON.parse(out).helpers;
  assertEquals([arm.name, arm.language, arm.version], [ARM, "go", null]);
  assertEquals([arm.runs_on, arm.operations], [["linux_arm64"], null]);
  const bytes = await Deno.readFile(join(dir.path, "dist/bin", name));
  assertEquals([ours.name, ours.size], [name, bytes.length]);
  assertStringIncludes(ours.version, "flavor-rs-launcher ");
  const info = await helpers(dir, "info", name, "--json");
  assertEquals(JSON.parse(info.out), ours);
  const text = await helpers(dir, "list");
  assertStringIncludes(text.out, ours.sha256.slice(0, 16));
  const mistyped = await helpers(dir, "info", name.replace("-rs-", "-sr-"));
  assertEquals(mistyped.code, 5);
  assertStringIncludes(mistyped.err, `Did you mean "${name}"?`);
});

Deno.test("helpers clean removes helpers and nothing else", async () => {
  await using dir = await tempDir();
  await checkout(dir);
  const { code, out } = await helpers(dir, "clean", "--json");
  assertEquals(code, 0);
  assertEquals(JSON.parse(out).removed.length, 2);
  assertEquals(names(dir.at("dist/bin")), ["notes.txt"]);
});

Deno.test("helpers build runs the script of the checkout, and says what it built", async () => {
  await using dir = await tempDir();
  await checkout(dir);
  const script = (body: string): Promise<string> =>
    dir.write("scripts/build_launcher", `#!/bin/sh\n${body}\n`, 0o755);
  await script(`pwd > words && echo "$@" >> words`);
  const { code, out, err } = await helpers(dir, "build", "--json");
  assertEquals(code, 0, err);
  const { path, built } = JSON.parse(out);
  assertEquals(path, dir.at("dist/bin", `flavor-rs-launcher-${PLATFORM}`));
  assertEquals(built, false);
  const words = (): Promise<string> => Deno.readTextFile(dir.at("words"));
  assertEquals(await words(), `${dir.path}\n--if-stale\n`);
  assertEquals((await helpers(dir, "build", "--force")).code, 0);
  assertEquals(await words(), `${dir.path}\n\n`);

  await script("exit 3");
  const failed = await helpers(dir, "build");
  assertEquals(failed.code, 6);
  assertStringIncludes(failed.err, "ended with code 3 [launcher/failed]");
});

Deno.test("helpers build needs a checkout, and says how to get one", async () => {
  const { code, err } = await cli(["helpers", "build"], {
    cwd: "/",
    change: (host) => ({
      ...host,
      machine: { ...host.machine, checkout: undefined },
    }),
  });
  assertEquals(code, 5);
  assertStringIncludes(err, "Clone the repository");
});
