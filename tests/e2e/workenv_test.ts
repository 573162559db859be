import {
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "@std/path";

import { cacheTree } from "../launcher/support/cache_tree.ts";
import { tempDir } from "../support/temp_dir.ts";
import { examplePackage } from "./support/example_package.ts";
import { flavor, run } from "./support/processes.ts";

const CONFIG = fromFileUrl(new URL("../../deno.json", import.meta.url));
const CLI = fromFileUrl(new URL("../../cli.ts", import.meta.url));

interface Listed {
  readonly id: string;
  readonly package: string;
  readonly filled: boolean;
  readonly size: number;
  readonly in_use: boolean;
}

async function listed(
  env: Readonly<Record<string, string>>,
): Promise<readonly Listed[]> {
  const { stdout } = await flavor(["workenv", "list", "--json"], { env });
  return JSON.parse(stdout).workenvs;
}

Deno.test("workenv list shows what a start filled, and a removed one is filled again", async () => {
  await using dir = await tempDir();
  const path = await examplePackage("hello-shell");
  const env = { FLAVOR_CACHE: dir.at("cache") };
  assertEquals(await listed(env), []);
  assertEquals((await run(path, [], { env })).code, 0);
  const [entry] = await listed(env);
  assertEquals([entry?.package, entry?.filled], ["hello-shell", true]);
  const inspected = await flavor(["inspect", path, "--json"]);
  const { metadata_sha256: digest } = JSON.parse(inspected.stdout);
  assertEquals(entry?.id, digest.slice(0, 32));
  const removed = await flavor(["workenv", "remove", entry?.id ?? ""], { env });
  assertEquals(removed.code, 0, removed.stderr);
  assertEquals(await listed(env), []);
  assertEquals((await run(path, [], { env })).code, 0);
  assertEquals((await listed(env)).length, 1);
});

Deno.test("workenv repair brings back what was lost, from the package that filled it and no other", async () => {
  await using dir = await tempDir();
  const env = { FLAVOR_CACHE: dir.at("cache") };
  const path = dir.at("mine.psp");
  await Deno.copyFile(await examplePackage("hello-shell"), path);
  assertEquals((await run(path, [], { env })).code, 0);
  const [entry] = await listed(env);
  const id = entry?.id ?? "";
  const tree = (): readonly string[] => cacheTree(dir.at("cache/workenv", id));
  const whole = tree();
  const [file = ""] = whole.filter((line) => !/\/ \d+$/.test(line))
    .map((line) => dir.at("cache/workenv", id, line.split(" ")[0] ?? ""));
  const lose = (): Promise<void> => Deno.writeTextFile(file, "lost");
  const repair = () => flavor(["workenv", "repair", id, "--json"], { env });

  await lose();
  const repaired = await repair();
  assertEquals(repaired.code, 0, repaired.stderr);
  assertEquals(JSON.parse(repaired.stdout), { repaired: id });
  assertEquals(tree(), whole);

  await lose();
  const bytes = await Deno.readFile(path);
  const refusedWith = async (content: Uint8Array): Promise<string> => {
    await Deno.remove(path);
    await Deno.writeFile(path, content, { mode: 0o755 });
    const { code, stdout, stderr } = await repair();
    assertNotEquals(code, 0);
    assertEquals(stdout, "");
    assertEquals(await Deno.readTextFile(file), "lost");
    return JSON.parse(stderr).error.code;
  };
  const changed = Uint8Array.from(bytes);
  // In the code of the launcher, which would run.
  changed[4096] = (changed[4096] ?? 0) ^ 1;
  assertEquals(await refusedWith(changed), "verify/launcher-digest");
  const other = await Deno.readFile(await examplePackage("static-binary"));
  assertEquals(await refusedWith(other), "cache/not-found");
  await Deno.remove(path);
  assertEquals((await repair()).code, 5);
});

Deno.test("workenv remove and clean keep what a running program uses", async () => {
  await using dir = await tempDir();
  const env = { FLAVOR_CACHE: dir.at("cache") };
  const child = new Deno.Command(await examplePackage("static-binary"), {
    args: ["wait"],
    env,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const [entry] = await listed(env);
  const id = entry?.id ?? "";
  assertEquals(entry?.in_use, true);
  // Without the permission to look at processes, the locks have to tell.
  const narrow = await run(Deno.execPath(), [
    "run",
    "--quiet",
    "--no-prompt",
    "-P=cli",
    "--config",
    CONFIG,
    CLI,
    "workenv",
    "list",
  ], { env });
  assertStringIncludes(narrow.stdout, "in use", narrow.stderr);
  const refused = await flavor(["workenv", "remove", id, "--json"], { env });
  assertEquals(refused.code, 5);
  assertEquals(JSON.parse(refused.stderr).error.code, "cache/in-use");
  const kept = await flavor(["workenv", "clean", "--json"], { env });
  assertEquals(JSON.parse(kept.stdout).in_use, [id]);
  assertEquals((await listed(env)).length, 1);
  child.kill("SIGKILL");
  await child.status;
  await reader.cancel();
  const cleaned = await flavor(["workenv", "clean", "--json"], { env });
  assertEquals(JSON.parse(cleaned.stdout).removed, [id]);
});

Deno.test("run refuses a package of another key before anything of it starts", async () => {
  await using dir = await tempDir();
  const env = { FLAVOR_CACHE: dir.at("cache") };
  const path = await examplePackage("static-binary");
  const key = "0".repeat(64);
  const refused = await flavor(["run", "--trusted-key", key, path], { env });
  assertEquals([refused.code, refused.stdout], [4, ""]);
  assertEquals(await listed(env), []);
  const { stdout } = await flavor(["inspect", path, "--json"]);
  const { fingerprint } = JSON.parse(stdout);
  const started = await flavor(
    ["run", "--trusted-key", fingerprint, path, "exit", "9"],
    { env },
  );
  assertEquals(started.code, 9, started.stderr);
});
