import { assert, assertEquals } from "@std/assert";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { forEachAtOnce } from "./support/for_each_at_once.ts";
import { choosePoints } from "./support/kill_harness.ts";
import { launcherPath } from "./support/launcher_path.ts";
import { BASE_ENV, runCommand } from "./support/run_command.ts";
import { Scratch } from "./support/scratch.ts";
import { listCallPoints, runInjected } from "./support/strace.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Calls by which a build changes names and makes content last. */
const PUBLISHING =
  /^(rename|renameat|renameat2|link|linkat|unlink|unlinkat|mkdir|mkdirat|fsync|fdatasync|ftruncate|fallocate|fchmod|chmod)$/;

/** Deno, run as the tests are, with the same modules and the same place for them. */
const ENV: Readonly<Record<string, string>> = {
  ...BASE_ENV,
  ...Object.fromEntries(
    ["HOME", "DENO_DIR", "JSR_URL"].flatMap((name) => {
      const value = Deno.env.get(name);
      return value === undefined ? [] : [[name, value]];
    }),
  ),
};

Deno.test("pack, killed anywhere, leaves the old package or the new one, and nothing after the next build", async () => {
  using scratch = new Scratch();
  const source = scratch.join("app.sh");
  writeFileSync(source, "#!/bin/sh\necho hello\n");
  const manifest = scratch.join("flavor.json");
  writeFileSync(
    manifest,
    JSON.stringify({
      package: { name: "killed", version: "1.0.0" },
      execution: { command: "sh {workenv}/bin/app.sh", primary_slot: 0 },
      slots: [{
        id: "app",
        source: "app.sh",
        target: "bin/app.sh",
        operations: "gzip",
        permissions: "0755",
      }],
    }),
  );
  const pack = (directory: string): readonly string[] => [
    Deno.execPath(),
    ...["run", "--quiet", "--no-check", "--allow-all"],
    `--config=${ROOT}deno.json`,
    `${ROOT}cli.ts`,
    ...["pack", "--manifest", manifest, "--output", `${directory}/out.psp`],
    ...["--launcher-bin", launcherPath(), "--key-seed", "test", "--quiet"],
  ];
  const prepare = (name: string): string => {
    const directory = scratch.join(name);
    mkdirSync(directory);
    writeFileSync(`${directory}/out.psp`, "old");
    return directory;
  };
  const options = { env: ENV };
  const traced = prepare("traced");
  const points = await listCallPoints(
    pack(traced),
    scratch.join("strace.log"),
    options,
  );
  const whole = readFileSync(`${traced}/out.psp`);
  assert(whole.length > 8200);

  let killed = 0;
  const chosen = points.filter(({ call }) => PUBLISHING.test(call));
  await forEachAtOnce(choosePoints(chosen, 16), 2, async (point) => {
    const directory = prepare(`${point.call}-${point.nth}`);
    const where = `killed at ${point.call} number ${point.nth}`;
    const injection = { ...point, effect: "signal=KILL" } as const;
    const run = await runInjected(pack(directory), injection, options);
    if (run.code === 137) killed++;
    const left = readFileSync(`${directory}/out.psp`);
    assert(left.equals(whole) || left.toString() === "old", where);

    const again = await runCommand(pack(directory), options);
    assertEquals(again.code, 0, `${where}: ${again.stderr}`);
    assert(readFileSync(`${directory}/out.psp`).equals(whole), where);
    assertEquals(readdirSync(directory), ["out.psp"], where);
  });
  assert(killed >= 4, `only ${killed} of ${chosen.length} runs were killed`);
});
