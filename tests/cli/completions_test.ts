import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

import { completionCommands } from "../../lib/cli/completions/completion_model.ts";
import { COMMANDS, GLOBAL_FLAGS } from "../../lib/cli/command_table.ts";
import { cli } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

async function script(shell: string): Promise<string> {
  const { code, out, err } = await cli(["completions", shell], { cwd: "/" });
  assertEquals(code, 0, err);
  return out;
}

/** Runs a program with a script on its standard input. */
async function feed(
  program: string,
  args: readonly string[],
  input: string,
  cwd = "/",
): Promise<{ code: number; out: string; err: string }> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = ReadableStream.from([new TextEncoder().encode(input)])
    .pipeTo(child.stdin);
  const [{ code, stdout, stderr }] = await Promise.all([child.output(), fed]);
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** What bash offers when Tab is pressed after the last of these words. */
async function offered(
  dir: TempDir,
  ...words: readonly string[]
): Promise<string[]> {
  const quoted = ["flavor", ...words].map((word) =>
    `'${word.replaceAll("'", "'\\''")}'`
  );
  const { code, out, err } = await feed(
    "bash",
    ["--norc", "--noprofile"],
    `set -u
${await script("bash")}
COMP_WORDS=(${quoted.join(" ")})
COMP_CWORD=${words.length}
_flavor
for word in \${COMPREPLY[@]+"\${COMPREPLY[@]}"}; do printf '%s\\n' "$word"; done
`,
    dir.path,
  );
  assertEquals([code, err], [0, ""]);
  return out.split("\n").filter((line) => line !== "").sort();
}

async function inProject(
  check: (
    offer: (...words: readonly string[]) => Promise<string[]>,
  ) => Promise<void>,
): Promise<void> {
  await using dir = await tempDir();
  await dir.write("app one.psp", "");
  await dir.write("app.toml", "");
  await dir.write("keys/private", "");
  await check((...words) => offered(dir, ...words));
}

Deno.test("completions bash offers commands, and second words of groups", () =>
  inProject(async (offer) => {
    const first = new Set(
      Object.keys(COMMANDS).map((name) => name.split(" ")[0] ?? ""),
    );
    assertEquals(await offer(""), [...first, "help"].sort());
    assertEquals(await offer("pa"), ["pack"]);
    assertEquals(await offer("helpers", ""), [
      "build",
      "clean",
      "fetch",
      "info",
      "list",
      "test",
    ]);
    assertEquals(await offer("help", "ver"), ["verify"]);
    assertEquals(await offer("--color", "never", "workenv", "in"), [
      "info",
      "inspect",
    ]);
  }));

Deno.test("completions bash offers every flag of a command and of all commands", () =>
  inProject(async (offer) => {
    const flags = await offer("pack", "--");
    for (
      const name of [
        ...Object.keys(COMMANDS.pack.flags),
        ...Object.keys(GLOBAL_FLAGS),
      ]
    ) {
      assert(flags.includes(`--${name}`), name);
    }
    assert(flags.includes("--no-verify"));
    assertEquals(await offer("pack", "--dr"), ["--dry-run"]);
    assertEquals(await offer("verify", "--le"), ["--level"]);
    assertEquals(await offer("inspect", "--le"), []);
    assertEquals((await offer("--l")).join(), "--log-level");
  }));

Deno.test("completions bash offers values, both after a blank and after =", () =>
  inProject(async (offer) => {
    assertEquals(await offer("verify", "--level", "s"), ["standard", "strict"]);
    assertEquals(await offer("verify", "--level", "=", "re"), ["relaxed"]);
    assertEquals(await offer("verify", "--level", "="), [
      "minimal",
      "none",
      "relaxed",
      "standard",
      "strict",
    ]);
    assertEquals(await offer("pack", "--target", "darwin"), [
      "darwin_amd64",
      "darwin_arm64",
    ]);
    assertEquals(await offer("completions", ""), ["bash", "fish", "zsh"]);
  }));

Deno.test("completions bash offers files and directories where they are meant", () =>
  inProject(async (offer) => {
    const all = ["app one.psp", "app.toml", "keys"];
    assertEquals(await offer("verify", ""), all);
    assertEquals(await offer("verify", "app o"), ["app one.psp"]);
    assertEquals(await offer("pack", "-m", ""), all);
    assertEquals(await offer("-C", ""), ["keys"]);
    assertEquals(await offer("extract-all", "app.psp", ""), ["keys"]);
    assertEquals(await offer("extract", "app.psp", ""), []);
    assertEquals(await offer("run", "app.psp", "--", "app.t"), ["app.toml"]);
    assertEquals(await offer("run", "app.psp", "x", "app.t"), ["app.toml"]);
    assertEquals(await offer("run", "app.psp", "--trus"), []);
    assertEquals(await offer("run", "--trus"), ["--trusted-key"]);
    assertEquals(await offer("verify", "a", "b", "app.t"), ["app.toml"]);
    assertEquals(await offer("extract", "app.psp", "0", "-", ""), []);
    assertEquals(await offer("pack", "--key-seed", ""), []);
    assertEquals(
      await offer("verify", "--level", "strict", "app.t"),
      ["app.toml"],
    );
  }));

/** Lines that are typed, and what every shell has to offer for them. */
const TYPED = {
  "flavor ver": ["verify"],
  "flavor helpers ": ["build", "clean", "fetch", "info", "list", "test"],
  "flavor help ver": ["verify"],
  "flavor help workenv in": ["info", "inspect"],
  "flavor --color never workenv in": ["info", "inspect"],
  "flavor pack --dr": ["--dry-run"],
  "flavor inspect --le": [],
  "flavor verify --level s": ["standard", "strict"],
  "flavor verify --level=re": ["--level=relaxed"],
  "flavor pack -m app.t": ["app.toml"],
  "flavor verify --level strict app.t": ["app.toml"],
  "flavor run app.psp -- app.t": ["app.toml"],
  "flavor run app.psp serve app.t": ["app.toml"],
  "flavor run app.psp --trus": [],
  "flavor run --trus": ["--trusted-key"],
  "flavor verify one two app.t": ["app.toml"],
} as const;

const REAL_SHELLS = {
  zsh: (line: string) => [
    "-f",
    fromFileUrl(new URL("./complete_in_zsh.zsh", import.meta.url)),
    "script",
    line,
  ],
  fish: (line: string) => [
    "--no-config",
    "-c",
    'source script; complete -C "$argv[1]"',
    line,
  ],
} as const;

for (const shell of ["zsh", "fish"] as const) {
  Deno.test(`completions ${shell} offers in ${shell} itself what is asked for, where it is installed`, async () => {
    if (!await hasShell(shell)) return;
    await using dir = await tempDir();
    await dir.write("script", await script(shell));
    await dir.write("app.toml", "");
    for (const [line, expected] of Object.entries(TYPED)) {
      const args = REAL_SHELLS[shell](line);
      const { code, out, err } = await feed(shell, args, "", dir.path);
      assertEquals([code, err], [0, ""], line);
      // fish puts a description behind each offer.
      const words = out.split(/\r?\n/).map((text) => text.split("\t")[0] ?? "")
        .filter((word) => word !== "");
      assertEquals([...new Set(words)].sort(), [...expected], line);
    }
  });
}

async function hasShell(name: string): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: ["-c", "true"] }).output())
      .success;
  } catch {
    return false;
  }
}

Deno.test("completions zsh is a script that knows every command and flag", async () => {
  const text = await script("zsh");
  assert(text.startsWith("#compdef flavor\n"));
  // What is used of zsh has the same grammar in bash.
  const shell = await hasShell("zsh") ? "zsh" : "bash";
  const parsed = await feed(shell, ["-n"], text);
  assertEquals([parsed.code, parsed.err], [0, ""]);
  for (const { name, flags } of completionCommands()) {
    const start = text.indexOf(`_flavor_${name.replaceAll(/[ -]/g, "_")}() {`);
    assert(start !== -1, name);
    const body = text.slice(start, text.indexOf("\n}\n", start));
    for (const flag of flags) {
      assert(body.includes(flag.names.at(-1) ?? "?"), `${name} ${flag.names}`);
    }
  }
});

Deno.test("completions fish is a script that knows every command and flag", async () => {
  const text = await script("fish");
  if (await hasShell("fish")) {
    const parsed = await feed("fish", ["--no-execute"], text);
    assertEquals([parsed.code, parsed.err], [0, ""]);
  }
  const lines = text.split("\n").filter((line) => line.startsWith("complete"));
  // Words of a fish command: bare, or in quotes with escapes.
  const grammar =
    /^complete -c flavor(?: -f)?(?: -n '(?:[^'\\]|\\.)*')?(?: (?:-[slad] (?:[a-zA-Z-]+|'(?:[^'\\]|\\.)*')|-r|-f|-F))*$/;
  for (const line of lines) assert(grammar.test(line), line);
  for (const { name, flags } of completionCommands()) {
    for (const flag of flags) {
      const long = flag.names.at(-1)?.slice(2);
      assert(
        lines.some((line) =>
          line.includes(`__flavor_at \\'${name}\\' \\'*\\'`) &&
          line.includes(` -l ${long} `)
        ),
        `${name} --${long}`,
      );
    }
  }
  const blocks = text.match(/^\s*(?:function|for|if)\b/gm)?.length;
  assertEquals(text.match(/^\s*end$/gm)?.length, blocks);
});

Deno.test("completions refuses another shell, and helps with a mistyped one", async () => {
  const { code, err } = await cli(["completions", "bahs"], { cwd: "/" });
  assertEquals(code, 2);
  assert(err.includes('Did you mean "bash"?'), err);
  const json = await cli(["completions", "bash", "--json"], { cwd: "/" });
  assertEquals(JSON.parse(json.out).shell, "bash");
});
