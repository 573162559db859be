import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { type Outcome, StubCheckout } from "./support/stub_checkout.ts";

const SCRIPT = "scripts/build_launcher";
const SOURCE = "native/crates/pspf-launcher/src/main.rs";
const ZIG_HOME = ".dev/zig-0.15.2";
const HERE = `linux_${Deno.build.arch === "x86_64" ? "amd64" : "arm64"}`;

/** Each target with the names that Rust and zig have for it, and the most KiB. */
const TARGETS = [
  ["linux_amd64", "x86_64-unknown-linux-musl", "x86_64-linux-musl", 700],
  ["linux_arm64", "aarch64-unknown-linux-musl", "aarch64-linux-musl", 700],
  ["darwin_amd64", "x86_64-apple-darwin", "x86_64-macos.11.0", 800],
  ["darwin_arm64", "aarch64-apple-darwin", "aarch64-macos.11.0", 800],
  ["windows_amd64", "x86_64-pc-windows-gnullvm", "x86_64-windows-gnu", 1024],
  ["windows_arm64", "aarch64-pc-windows-gnullvm", "aarch64-windows-gnu", 1024],
] as const;

const RUSTC = `case "$*" in
  --version) echo "rustc \${RUST:-1.95.0} (0 2026-01-01)" ;;
  *target-libdir*) echo "\${STD:-$HOME}" ;;
  *sysroot*) echo "$HOME/sysroot" ;;
  -vV) echo "commit-hash: abc" ;;
esac`;

/** Builds a file of what SIZE and CONTENT say, and keeps what it was told. */
const CARGO = `case $1 in
  --version) echo "cargo \${RUST:-1.95.0} (0 2026-01-01)"; exit ;;
  fetch) mkdir -p "$HOME/.cargo/registry/src/registry-0123"; exit ;;
esac
env >"$HOME/env"
while [ "$1" != --target ]; do shift; done
mkdir -p "target/$2/release"
for file in pspf-launcher pspf-launcher.exe; do
  /usr/bin/head -c "\${SIZE:-100}" /dev/zero >"target/$2/release/$file"
  printf %s "\${CONTENT:-}" >>"target/$2/release/$file"
  chmod +x "target/$2/release/$file"
done`;

/** Says what it was called with. */
const ZIG = `#!/bin/sh
[ "$1" != version ] || { echo 0.15.2; exit; }
printf '<%s>' "$@"
`;

/** A checkout with one source, Rust and, unless it is not wanted, zig. */
async function workshop(
  { zig = true, folder = "a checkout" } = {},
): Promise<StubCheckout> {
  const checkout = await StubCheckout.create(folder);
  await checkout.tool("cc");
  await checkout.tool("rustc", RUSTC);
  await checkout.tool("cargo", CARGO);
  await checkout.write(SOURCE, "fn main() {}");
  if (!zig) return checkout;
  await checkout.write(`${ZIG_HOME}/ziglang/zig`, ZIG, 0o755);
  for (const role of ["cc", "ar", "ld"]) {
    await Deno.symlink(
      "../../scripts/build_launcher",
      checkout.at(ZIG_HOME, role),
    );
  }
  return checkout;
}

/** What the last build was told by variables. */
async function told(checkout: StubCheckout): Promise<Map<string, string>> {
  const text = await Deno.readTextFile(checkout.at("..", "home", "env"));
  return new Map(
    text.split("\n").map((line) => {
      const at = line.indexOf("=");
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

async function digest(checkout: StubCheckout): Promise<string> {
  const { stdout } = await checkout.run(SCRIPT, ["--source-digest"]);
  assertMatch(stdout, /^[0-9a-f]{64}\n$/);
  return stdout.trim();
}

async function builds(checkout: StubCheckout): Promise<number> {
  const calls = await checkout.calls();
  return calls.filter((line) => line.startsWith("cargo build")).length;
}

for (const [name, triple, zig, bar] of TARGETS) {
  Deno.test(`build_launcher builds ${name} with the pinned tools, and says how large it may be`, async () => {
    await using checkout = await workshop();
    const { code, stderr } = await checkout.run(SCRIPT, [name], {
      RUSTFLAGS: "-Ctarget-cpu=native",
      CFLAGS: "-march=native",
    });
    assertEquals(code, 0, stderr);
    const helper = `flavor-rs-launcher-${name}${
      name.startsWith("windows") ? ".exe" : ""
    }`;
    const files = await Array.fromAsync(Deno.readDir(checkout.at("dist/bin")));
    assertEquals(files.map((file) => file.name), [helper]);
    const call = (await checkout.calls()).find((line) =>
      line.startsWith("cargo build")
    );
    assertStringIncludes(call ?? "", "--release --locked");
    assertStringIncludes(call ?? "", `--target ${triple}`);

    const env = await told(checkout);
    const under = triple.replaceAll("-", "_");
    const tool = (role: string): string => checkout.at(ZIG_HOME, role);
    assertEquals(env.get(`CC_${under}`), tool("cc"));
    assertEquals(env.get(`AR_${under}`), tool("ar"));
    assertEquals(
      env.get(`CARGO_TARGET_${under.toUpperCase()}_LINKER`),
      tool(name.startsWith("linux") ? "ld" : "cc"),
    );
    assertEquals(env.get("FLAVOR_ZIG_TARGET"), zig);
    assertEquals(env.get("SOURCE_DATE_EPOCH"), "0");
    assertEquals(env.get("MACOSX_DEPLOYMENT_TARGET"), "11.0");
    assertEquals(env.get("FLAVOR_SOURCE_DIGEST"), await digest(checkout));
    assertEquals([env.get("RUSTFLAGS"), env.get("CFLAGS")], [
      undefined,
      undefined,
    ]);
    const flags = (env.get("CARGO_ENCODED_RUSTFLAGS") ?? "").split("\x1f");
    assert(flags.includes(`--remap-path-prefix=${checkout.at()}=/flavor`));
    const home = checkout.at("..", "home");
    assert(
      flags.includes(
        `--remap-path-prefix=${home}/.cargo/registry/src/registry-0123=/crates`,
      ),
    );

    assertEquals((await checkout.run(SCRIPT, ["--check", name])).code, 0);
    const SIZE = String(bar * 1024 + 1);
    assertEquals((await checkout.run(SCRIPT, [name], { SIZE })).code, 0);
    const large = await checkout.run(SCRIPT, ["--check", name]);
    assertEquals(large.code, 1);
    assertStringIncludes(
      large.stderr,
      `${SIZE} bytes, more than its bar of ${bar} KiB`,
    );
  });
}

Deno.test("build_launcher builds for this machine where no target is named, and for all with --all", async () => {
  await using checkout = await workshop();
  assertEquals((await checkout.run(SCRIPT)).code, 0);
  assert(
    (await Deno.stat(checkout.at(`dist/bin/flavor-rs-launcher-${HERE}`)))
      .isFile,
  );
  assertEquals(await builds(checkout), 1);
  assertEquals(
    (await checkout.run(SCRIPT, ["--if-stale", "--all"])).code,
    0,
  );
  assertEquals(await builds(checkout), TARGETS.length);

  const { code, stderr } = await checkout.run(SCRIPT, ["linux_x64"]);
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    `there is no target 'linux_x64'; the targets are: ${
      TARGETS.map(([name]) => name).join(" ")
    }\n`,
  );
});

Deno.test("build_launcher --if-stale and --check look at the content of the sources", async () => {
  await using checkout = await workshop();
  const stale = (): Promise<Outcome> => checkout.run(SCRIPT, ["--if-stale"]);
  assertEquals((await checkout.run(SCRIPT, ["--check"])).code, 1);
  await stale();
  await Deno.utime(checkout.at(SOURCE), 1e9, 1e9);
  await checkout.write("native/crates/pspf-launcher/tests/more.rs", "// test");
  assertEquals(await stale(), { code: 0, stdout: "", stderr: "" });
  assertEquals((await checkout.run(SCRIPT, ["--check"])).code, 0);
  assertEquals(await builds(checkout), 1);

  await checkout.write(SOURCE, "fn main() { }");
  const old = await checkout.run(SCRIPT, ["--check"]);
  assertEquals(old.code, 1);
  assertStringIncludes(
    old.stderr,
    `older than its sources; run: scripts/build_launcher ${HERE}`,
  );
  const kept = { FLAVOR_DEV_LAUNCHER: "keep" };
  assertEquals((await checkout.run(SCRIPT, ["--if-stale"], kept)).code, 0);
  assertEquals(await builds(checkout), 1);
  await stale();
  assertEquals(await builds(checkout), 2);
  const again = { FLAVOR_DEV_LAUNCHER: "build" };
  await checkout.run(SCRIPT, ["--if-stale"], again);
  assertEquals(await builds(checkout), 3);
});

Deno.test("the source digest depends on content and names, not on place, time or tests", async () => {
  await using one = await workshop();
  await using other = await workshop({ folder: "elsewhere" });
  const first = await digest(one);
  await Deno.utime(other.at(SOURCE), 1e9, 1e9);
  await other.write("native/crates/pspf-format/tests/more.rs", "// test");
  await other.write("native/README.md", "text");
  assertEquals(await digest(other), first);
  await other.write("native/crates/pspf-format/src/more.rs", "");
  const more = await digest(other);
  assertNotEquals(more, first);
  await Deno.rename(
    other.at("native/crates/pspf-format/src/more.rs"),
    other.at("native/crates/pspf-format/src/moved.rs"),
  );
  assertNotEquals(await digest(other), more);
});

Deno.test("build_launcher installs nothing that names a place on this machine", async () => {
  await using checkout = await workshop();
  for (
    const place of [
      checkout.at("native"),
      checkout.at("..", "home", ".cargo", "registry"),
      checkout.at("..", "home", ".rustup", "toolchains"),
    ]
  ) {
    const { code, stderr } = await checkout.run(SCRIPT, [], { CONTENT: place });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "it must not tell where it was built");
    assertEquals(
      await Array.fromAsync(Deno.readDir(checkout.at("dist/bin"))),
      [],
    );
  }
});

Deno.test("without zig and pip this machine's launcher is built with cc, and the script says so", async () => {
  await using checkout = await workshop({ zig: false });
  const { code, stderr } = await checkout.run(SCRIPT);
  assertEquals(code, 0, stderr);
  assertMatch(
    stderr,
    /will not be the release's, byte for byte: zig 0\.15\.2 cannot be fetched without python3 and pip; install them with: apt-get install python3-pip\n/,
  );
  const env = await told(checkout);
  assertEquals([...env].find(([name]) => /^CC_/.test(name))?.[1], "cc");
  // What was not built with the pinned tools has no bar, and is fresh all the same.
  await checkout.run(SCRIPT, [], { SIZE: String(2_000_000) });
  assertEquals((await checkout.run(SCRIPT, ["--check"])).code, 0);

  const foreign = await checkout.run(SCRIPT, ["windows_amd64"]);
  assertEquals(foreign.code, 1);
  assertMatch(foreign.stderr, /cannot build for windows_amd64: zig 0\.15\.2 /);
});

Deno.test("zig is fetched once, with the hashes of the requirements file", async () => {
  await using checkout = await workshop({ zig: false });
  await checkout.tool(
    "uv",
    `while [ "$1" != --target ]; do shift; done
mkdir -p "$2/ziglang" && printf '%s' "$ZIG" >"$2/ziglang/zig" && chmod +x "$2/ziglang/zig"`,
  );
  const env = { ZIG };
  assertEquals((await checkout.run(SCRIPT, [HERE], env)).code, 0);
  assertEquals((await checkout.run(SCRIPT, [HERE], env)).code, 0);
  const fetches = (await checkout.calls()).filter((line) =>
    line.startsWith("uv")
  );
  assertEquals(fetches.length, 1);
  assertStringIncludes(fetches[0] ?? "", "--require-hashes");
  assertStringIncludes(fetches[0] ?? "", "-r native/zig-requirements.txt");

  await using wrong = await workshop({ zig: false });
  await wrong.tool("uv", "echo 'no such version' >&2; exit 1");
  const { stderr } = await wrong.run(SCRIPT);
  assertStringIncludes(stderr, "zig 0.15.2 cannot be fetched: no such version");
});

Deno.test("another Rust builds a launcher, and the script says that it is not the release's", async () => {
  await using checkout = await workshop();
  const { code, stderr } = await checkout.run(SCRIPT, [], { RUST: "1.96.0" });
  assertEquals(code, 0);
  assertStringIncludes(stderr, "byte for byte: Rust is 1.96.0, not 1.95.0\n");
});

Deno.test("a distribution's Rust builds its own standard library where its sources are there", async () => {
  await using checkout = await workshop();
  const STD = "/nowhere";
  await Deno.mkdir(
    checkout.at("../home/sysroot/lib/rustlib/src/rust/library"),
    { recursive: true },
  );
  const env = { RUST: "1.96.0", STD };
  assertEquals((await checkout.run(SCRIPT, ["windows_arm64"], env)).code, 0);
  const call = (await checkout.calls()).find((line) =>
    line.startsWith("cargo build")
  );
  assertStringIncludes(call ?? "", "-Zbuild-std=std,panic_abort");
  assertEquals((await told(checkout)).get("RUSTC_BOOTSTRAP"), "1");
});

Deno.test("without a standard library for musl the launcher is linked against the static glibc", async () => {
  await using checkout = await workshop();
  const { code, stderr } = await checkout.run(SCRIPT, [], { STD: "/nowhere" });
  assertEquals(code, 0);
  assertMatch(
    stderr,
    /byte for byte: Rust has no standard library for (\w+-unknown-linux-musl); add it with: rustup target add \1\n/,
  );
  const call = (await checkout.calls()).find((line) =>
    line.startsWith("cargo build")
  );
  assertMatch(call ?? "", /--target \w+-unknown-linux-gnu /);
  assertStringIncludes(
    (await told(checkout)).get("CARGO_ENCODED_RUSTFLAGS") ?? "",
    "-Ctarget-feature=+crt-static",
  );
});

Deno.test("cargo calls the script as compiler, archiver and linker", async () => {
  await using checkout = await workshop();
  const as = async (role: string, ...args: string[]): Promise<string> => {
    const env = { FLAVOR_ZIG_TARGET: "x86_64-windows-gnu" };
    return (await checkout.run(`${ZIG_HOME}/${role}`, args, env)).stdout;
  };
  const words = ["a b", "*", ""];
  assertEquals(await as("ar", "cq", ...words), "<ar><cq><a b><*><>");
  assertEquals(
    await as("cc", "--target=x86_64-pc-windows-gnu", "-lmsvcrt", ...words),
    "<cc><-target><x86_64-windows-gnu><a b><*><>",
  );
  assertEquals(
    await as("ld", "-Wl,-T,/a b,/usr/bin/[e]nv", "-z", "norelro", ...words),
    "<ld.lld><--no-rosegment><-T></a b></usr/bin/[e]nv><-z><norelro><a b><*><>",
  );
});

Deno.test("the script knows the crates that a launcher is made of", async () => {
  const { stdout } = await new Deno.Command(
    fromFileUrl(new URL("../../scripts/cargo", import.meta.url)),
    {
      args:
        "tree --locked --package pspf-launcher --edges normal,build --prefix none --format {p}"
          .split(" "),
    },
  ).output();
  const ours = [
    ...new TextDecoder().decode(stdout).matchAll(
      /\/(native\/crates\/[^)]*)\)/g,
    ),
  ];
  const script = await Deno.readTextFile(
    new URL("../../scripts/build_launcher", import.meta.url),
  );
  assert(ours.length > 1);
  for (const [, crate = ""] of ours) assertStringIncludes(script, crate);
});
