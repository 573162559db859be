import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { StubCheckout } from "./support/stub_checkout.ts";

const SCRIPT = "scripts/prerequisites";
const RUST = /^channel = "(.*)"$/m;

/** Everything that the tests need, as tools that do nothing. */
async function equip(checkout: StubCheckout, except = ""): Promise<void> {
  const tools =
    "cc chromium fish npm script shellcheck strace tar unshare zsh zstd uv python3";
  for (const name of tools.split(" ")) {
    if (name !== except) await checkout.tool(name);
  }
  await checkout.tool("node", "echo 18");
  await rust(checkout, "1.95.0");
}

async function rust(checkout: StubCheckout, version: string): Promise<void> {
  await checkout.tool("cargo", `echo "cargo ${version} (0 2026-01-01)"`);
  await checkout.tool("rustc", `echo "rustc ${version} (0 2026-01-01)"`);
}

/** Makes the tests' user root, or somebody else. */
function user(checkout: StubCheckout, id: number): Promise<void> {
  return checkout.tool("id", `echo ${id}`);
}

Deno.test("prerequisites says nothing where everything is there", async () => {
  await using checkout = await StubCheckout.create();
  await equip(checkout);
  for (const task of ["build", "demo", "test"]) {
    assertEquals(await checkout.run(SCRIPT, [task]), {
      code: 0,
      stdout: "",
      stderr: "",
    });
  }
});

Deno.test("prerequisites names all that is missing at once, each with what to do about it", async () => {
  await using checkout = await StubCheckout.create();
  await user(checkout, 1000);
  await checkout.tool("apt-get");
  const { code, stderr } = await checkout.run(SCRIPT, ["test"]);
  assertEquals(code, 1);
  const [, needed = ""] = stderr.split("missing here");
  for (
    const line of [
      "  Node.js 18 or later with npm: apt-get install nodejs npm",
      "  a C compiler, for programs that run while building: apt-get install gcc libc6-dev",
      "  python3: apt-get install python3",
      "  script: apt-get install bsdutils",
      "  strace: apt-get install strace",
      "  Chromium, to verify packages in a browser: apt-get install chromium",
      "  Rust 1.95 or later (none is here): install rustup (https://rustup.rs)",
    ]
  ) assertStringIncludes(needed, `${line}\n`);
  assertMatch(
    needed,
    /all packages at once: apt-get install( [a-z0-9-]+){10,}\n$/,
  );
  assertEquals(
    (await checkout.calls()).some((line) => line.startsWith("apt-get")),
    false,
  );
});

Deno.test("prerequisites installs for root what is missing, and nothing else", async () => {
  await using checkout = await StubCheckout.create();
  await equip(checkout, "strace");
  await user(checkout, 0);
  await checkout.tool(
    "apt-get",
    `[ "$1" = update ] || cp "$(dirname "$0")/cc" "$(dirname "$0")/strace"`,
  );
  const { code, stderr } = await checkout.run(SCRIPT, ["test"]);
  assertEquals(
    [code, stderr],
    [0, "scripts/prerequisites: installing with apt-get: strace\n"],
  );
  const calls = (await checkout.calls()).filter((line) =>
    /^apt-get/.test(line)
  );
  assertEquals(calls, [
    "apt-get update",
    "apt-get install --yes --no-install-recommends strace",
  ]);
});

Deno.test("prerequisites of a build are told and not installed", async () => {
  await using checkout = await StubCheckout.create();
  await equip(checkout, "cc");
  await user(checkout, 0);
  await checkout.tool("apt-get");
  const { code, stderr } = await checkout.run(SCRIPT, ["build"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, ": apt-get install gcc libc6-dev\n");
  const calls = await checkout.calls();
  assertEquals(calls.some((line) => /^apt-get/.test(line)), false);
});

Deno.test("prerequisites mounts terminals for root where there are none, and tells others how", async () => {
  await using checkout = await StubCheckout.create();
  await equip(checkout);
  await checkout.tool("python3", `[ "$1" = -m ] || [ -f "$HOME/terminals" ]`);
  await checkout.tool("mount", `[ "$5" = devpts ] && echo >"$HOME/terminals"`);
  await user(checkout, 1000);
  const { code, stderr } = await checkout.run(SCRIPT, ["test"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "terminals to draw in: mount -t devpts ");
  await user(checkout, 0);
  assertEquals((await checkout.run(SCRIPT, ["test"])).code, 0);
});

Deno.test("prerequisites goes on where apt-get has not what only helps, and stops where it is needed", async () => {
  await using checkout = await StubCheckout.create();
  await user(checkout, 0);
  await checkout.tool("apt-get", "echo E: no such package >&2; exit 100");
  await equip(checkout, "fish");
  const without = await checkout.run(SCRIPT, ["test"]);
  assertEquals(without.code, 0);
  assertStringIncludes(without.stderr, "apt-get: E: no such package\n");
  assertStringIncludes(
    without.stderr,
    "going on without:\n  fish, to try its completions",
  );
  assertEquals((await checkout.run(SCRIPT, ["demo"])).stderr, "");

  await using other = await StubCheckout.create();
  await user(other, 0);
  await other.tool("apt-get", "exit 100");
  await equip(other, "zstd");
  const stopped = await other.run(SCRIPT, ["test"]);
  assertEquals(stopped.code, 1);
  assertStringIncludes(stopped.stderr, "  zstd: apt-get install zstd\n");
});

Deno.test("an old Node.js is no Node.js", async () => {
  await using checkout = await StubCheckout.create();
  await equip(checkout);
  await checkout.tool("node", "echo 12");
  const { code, stderr } = await checkout.run(SCRIPT, ["demo"]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Node.js 18 or later with npm, to fetch Deno: ");
  assertEquals((await checkout.run(SCRIPT, ["build"])).code, 0);
});

Deno.test("an old cargo is refused before it reads anything, with the version that is needed", async () => {
  await using checkout = await StubCheckout.create();
  await equip(checkout);
  await rust(checkout, "1.65.0");
  await checkout.tool(
    "apt-cache",
    `echo "$2:"; [ "$2" = rustc-web ] && echo "  Candidate: 1.96.0+dfsg1-1"`,
  );
  const way =
    "(https://rustup.rs), or: apt-get install cargo-web rustc-web rust-web-src rustfmt-web rust-web-clippy\n";
  for (const task of ["build", "demo", "test"]) {
    const { code, stderr } = await checkout.run(SCRIPT, [task]);
    assertEquals(code, 1);
    assertStringIncludes(
      stderr,
      "Rust 1.95 or later (1.65.0 is here): install rustup ",
    );
    assertStringIncludes(stderr, way);
  }
  const built = await checkout.run("scripts/cargo", ["build"]);
  assertEquals(built.code, 1);
  assertStringIncludes(
    built.stderr,
    "Rust 1.95 or later is needed, and 1.65.0 is here: ",
  );
  assertEquals((await checkout.calls()).includes("cargo build"), false);

  // What the distribution has is not advised where it is too old, and rustup is where it has that.
  await checkout.tool(
    "apt-cache",
    `echo "$2:"; [ "$2" = rustc-web ] && echo "  Candidate: 1.85.0+dfsg1-1"`,
  );
  assertMatch(
    (await checkout.run(SCRIPT, ["build"])).stderr,
    /: install rustup \(https:\/\/rustup\.rs\)\n/,
  );
  await checkout.tool(
    "apt-cache",
    `echo "rustup:"; [ "$2" = rustup ] && echo "  Candidate: 1.27.1-3"`,
  );
  assertMatch(
    (await checkout.run(SCRIPT, ["build"])).stderr,
    /: apt-get install rustup\n/,
  );
});

/** A rustup whose toolchains are files in the home directory that hold a version. */
const RUSTUP = `
case $1 in
  run) [ -f "$HOME/$2" ] && echo "rustc $(cat "$HOME/$2") (0 2026-01-01)" ;;
  show) [ -f "$HOME/stable" ] && echo "stable (default)" ;;
  toolchain) [ -z "$OFFLINE" ] && echo "$3" >"$HOME/$3" ;;
esac`;
const PROXY = `[ -f "$HOME/$RUSTUP_TOOLCHAIN" ] &&
  echo "$(basename "$0") $(cat "$HOME/$RUSTUP_TOOLCHAIN") (0 2026-01-01)"`;

for (
  const [what, installed, offline, chosen, fetches] of [
    ["fetches the pinned Rust where rustup has none", {}, "", "1.95.0", 1],
    [
      "fetches the pinned Rust beside another",
      { stable: "1.97.0" },
      "",
      "1.95.0",
      1,
    ],
    [
      "takes the pinned Rust that is there",
      { stable: "1.97.0", "1.95.0": "1.95.0" },
      "1",
      "1.95.0",
      0,
    ],
    [
      "takes the same release by another name",
      { stable: "1.95.0" },
      "1",
      "stable",
      0,
    ],
    [
      "falls back to a later Rust without network",
      { stable: "1.97.0" },
      "1",
      "stable",
      1,
    ],
    [
      "refuses an older Rust without network",
      { stable: "1.85.0" },
      "1",
      undefined,
      1,
    ],
  ] as const
) {
  Deno.test(`scripts/cargo ${what}`, async () => {
    await using checkout = await StubCheckout.create();
    await checkout.tool("rustup", RUSTUP);
    await checkout.tool("basename", `/usr/bin/basename "$1"`);
    await checkout.tool("rustc", PROXY);
    await checkout.tool(
      "cargo",
      `${PROXY}; [ "$1" = --version ] || echo "with $RUSTUP_TOOLCHAIN"`,
    );
    const home = checkout.at("..", "home");
    for (const [name, version] of Object.entries(installed)) {
      await Deno.writeTextFile(`${home}/${name}`, version);
    }
    const { code, stdout, stderr } = await checkout.run(
      "scripts/cargo",
      ["x"],
      { OFFLINE: offline },
    );
    if (chosen === undefined) {
      assertEquals(code, 1);
      assertStringIncludes(
        stderr,
        "1.85.0 is here: rustup toolchain install 1.95.0\n",
      );
    } else {
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, `with ${chosen}\n`);
    }
    const calls = (await checkout.calls()).filter((line) =>
      line.startsWith("rustup toolchain")
    );
    assertEquals(calls.length, fetches);
    for (const call of calls) assertStringIncludes(call, "--no-self-update");
  });
}

Deno.test("the Rust that Cargo.toml asks for is the one that everything is tested with", async () => {
  const read = (path: string): Promise<string> =>
    Deno.readTextFile(new URL(`../../native/${path}`, import.meta.url));
  const [, pinned = ""] = RUST.exec(await read("rust-toolchain.toml")) ?? [];
  assertMatch(pinned, /^\d+\.\d+\.\d+$/);
  const [major, minor] = pinned.split(".");
  assertStringIncludes(
    await read("Cargo.toml"),
    `\nrust-version = "${major}.${minor}"\n`,
  );
});
