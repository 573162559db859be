import { assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** A `cli.ts` that reports what it was started with. */
const ECHO_CLI = `
const input = await new Response(Deno.stdin.readable).text();
const { stdout } = await new Deno.Command("env").output();
console.log(JSON.stringify({
  args: Deno.args,
  cwd: Deno.cwd(),
  input,
  env: new TextDecoder().decode(stdout).split("\\n"),
}));
Deno.exitCode = Number(Deno.args[0]);
`;

/** A small checkout in a folder with a space in its name. */
class Checkout implements AsyncDisposable {
  private constructor(readonly root: string) {}

  static async create(cli: string = ECHO_CLI): Promise<Checkout> {
    const root = await Deno.realPath(
      await Deno.makeTempDir({ prefix: "flavor dev " }),
    );
    await Deno.mkdir(join(root, "scripts"));
    for (const name of ["dev", "clean_env.ts", "build_launcher"]) {
      await Deno.copyFile(
        join(ROOT, "scripts", name),
        join(root, "scripts", name),
      );
    }
    const config = {
      imports: {},
      permissions: { cli: { read: true, env: true, run: true } },
      tasks: { where: "pwd" },
    };
    await Deno.writeTextFile(join(root, "deno.json"), JSON.stringify(config));
    await Deno.writeTextFile(join(root, "cli.ts"), cli);
    return new Checkout(root);
  }

  /** Runs scripts/dev with the Deno of this test on PATH. */
  async run(args: string[], options: RunOptions = {}): Promise<Outcome> {
    const { script = join(this.root, "scripts", "dev"), input = "", env = {} } =
      options;
    const child = new Deno.Command(script, {
      args,
      cwd: options.cwd ?? this.root,
      clearEnv: true,
      env: {
        PATH: `${dirname(Deno.execPath())}:/usr/local/bin:/usr/bin:/bin`,
        NO_COLOR: "1",
        FLAVOR_JSR: "jsr",
        ...env,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await ReadableStream.from([new TextEncoder().encode(input)]).pipeTo(
      child.stdin,
    );
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return {
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.root, { recursive: true });
  }
}

interface RunOptions {
  readonly script?: string;
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Record<string, string>;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

Deno.test("scripts/dev flavor passes arguments, input, directory and exit code through", async () => {
  await using checkout = await Checkout.create();
  const args = ["7", "a b", "", "--version", "$HOME", "line\nbreak"];
  const { code, stdout, stderr } = await checkout.run(["flavor", ...args], {
    cwd: "/",
    input: "from stdin",
  });
  assertEquals(stderr, "");
  const seen = JSON.parse(stdout);
  assertEquals({ args: seen.args, cwd: seen.cwd, input: seen.input, code }, {
    args,
    cwd: "/",
    input: "from stdin",
    code: 7,
  });
});

Deno.test("scripts/dev flavor leaves nothing of its own in the environment of programs", async () => {
  await using checkout = await Checkout.create();
  const { stdout } = await checkout.run(["flavor", "0"], {
    env: { KEPT: "1" },
  });
  const { env } = JSON.parse(stdout);
  assertEquals(env.includes("KEPT=1"), true);
  const ours = /^(JSR_URL|DENO_DIR|DENO_NO_UPDATE_CHECK|FLAVOR_DEV)/;
  assertEquals(env.filter((line: string) => ours.test(line)), []);
});

Deno.test("scripts/dev flavor keeps the user's own DENO_DIR", async () => {
  await using checkout = await Checkout.create();
  const DENO_DIR = join(checkout.root, "own");
  const { stdout } = await checkout.run(["flavor", "0"], { env: { DENO_DIR } });
  assertEquals(JSON.parse(stdout).env.includes(`DENO_DIR=${DENO_DIR}`), true);
});

Deno.test("scripts/dev flavor becomes the command line, so signals reach it", async () => {
  await using checkout = await Checkout.create(`
    Deno.addSignalListener("SIGTERM", () => Deno.exit(42));
    console.log(Deno.pid);
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  `);
  const child = new Deno.Command(join(checkout.root, "scripts", "dev"), {
    args: ["flavor"],
    env: {
      PATH: `${dirname(Deno.execPath())}:/usr/bin:/bin`,
      FLAVOR_JSR: "jsr",
    },
    stdout: "piped",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(Number(new TextDecoder().decode(value)), child.pid);
  child.kill("SIGTERM");
  await reader.cancel();
  assertEquals((await child.status).code, 42);
});

Deno.test("scripts/dev finds its checkout through links and runs tasks there", async () => {
  await using checkout = await Checkout.create();
  await Deno.mkdir(join(checkout.root, "elsewhere"));
  const script = join(checkout.root, "elsewhere", "second");
  await Deno.symlink(
    "../scripts/dev",
    join(checkout.root, "elsewhere", "first"),
  );
  await Deno.symlink("first", script);
  const { stdout } = await checkout.run(["where"], { script, cwd: "/" });
  assertEquals(stdout.trim(), checkout.root);
});

Deno.test("scripts/dev deno stays in the caller's directory", async () => {
  await using checkout = await Checkout.create();
  const { stdout } = await checkout.run([
    "deno",
    "eval",
    "console.log(Deno.cwd())",
  ], { cwd: "/" });
  assertEquals(stdout, "/\n");
});

Deno.test("scripts/dev help names the ways to call it and sets nothing up", async () => {
  await using checkout = await Checkout.create();
  const { code, stdout, stderr } = await checkout.run(["help"]);
  assertEquals([code, stderr], [0, ""]);
  for (const way of ["demo", "test", "flavor ARGS...", "deno ARGS..."]) {
    assertStringIncludes(stdout, `  scripts/dev ${way}  `);
  }
  const names = await Array.fromAsync(
    Deno.readDir(checkout.root),
    ({ name }) => name,
  );
  assertEquals(names.includes(".dev"), false);
});

Deno.test("scripts/dev says in one line what is wrong", async () => {
  await using checkout = await Checkout.create();
  const wrong = await checkout.run(["deno"], { env: { FLAVOR_JSR: "yes" } });
  assertEquals(wrong.code, 1);
  assertEquals(
    wrong.stderr,
    "scripts/dev: FLAVOR_JSR is 'yes'; it must be jsr or mirror\n",
  );

  const source = await checkout.run(["deno"], {
    env: { FLAVOR_STD_SOURCE: checkout.root + "/scripts" },
  });
  assertEquals(source.code, 1);
  assertStringIncludes(source.stderr, "a checkout of the standard library");
  assertEquals(source.stderr.split("\n").length, 2);

  // A PATH with the tools of scripts/dev, but neither Deno nor npm.
  const bin = join(checkout.root, "bin");
  await Deno.mkdir(bin);
  for (const tool of ["cut", "dirname", "find", "mkdir", "readlink", "rm"]) {
    await Deno.symlink(`/usr/bin/${tool}`, join(bin, tool));
  }
  const bare = await checkout.run(["deno"], { env: { PATH: bin } });
  assertEquals(bare.code, 1);
  assertStringIncludes(bare.stderr, "npm is needed to fetch deno");
  assertStringIncludes(bare.stderr, "apt-get install nodejs npm\n");
  assertEquals(bare.stderr.split("\n").length, 2);
});

Deno.test("scripts/dev demo and test ask for prerequisites before anything else", async () => {
  await using checkout = await Checkout.create();
  const script = join(checkout.root, "scripts", "prerequisites");
  await Deno.writeTextFile(
    script,
    '#!/bin/sh\necho "lacks for $1" >&2; exit 1\n',
    {
      mode: 0o755,
    },
  );
  for (const task of ["demo", "test"]) {
    const env = { PATH: "/usr/bin:/bin" };
    const { code, stderr } = await checkout.run([task], { env });
    assertEquals([code, stderr], [1, `lacks for ${task}\n`]);
  }
  // A few tests need no browser and no compiler.
  const { stderr } = await checkout.run(["test", "tests/format"]);
  assertEquals(stderr.includes("lacks"), false);
});

Deno.test(".ci/run ends with a count, whatever happened before", async () => {
  await using checkout = await Checkout.create();
  await Deno.mkdir(join(checkout.root, ".ci"));
  const script = join(checkout.root, ".ci", "run");
  await Deno.copyFile(join(ROOT, ".ci", "run"), script);
  for (
    const [body, expected, lines] of [
      ['echo one; echo "5 passed, 0 failed"', 0, ["one", "5 passed, 0 failed"]],
      ['echo "4 passed, 1 failed"; exit 1', 1, ["4 passed, 1 failed"]],
      ["exit 7", 1, ["0 passed, 1 failed"]],
      ["echo 'lacks npm' >&2; exit 1", 1, ["lacks npm", "0 passed, 1 failed"]],
      ['[ "$*" = test ]', 1, ["0 passed, 1 failed"]],
    ] as const
  ) {
    await Deno.writeTextFile(
      join(checkout.root, "scripts", "dev"),
      `#!/bin/sh\n${body}\n`,
    );
    const { code, stdout } = await checkout.run([], { script, cwd: "/" });
    assertEquals([code, stdout.trimEnd().split("\n")], [expected, [...lines]]);
  }
});
