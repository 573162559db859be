/** Who writes a package: this program, a builder that is named, or the native one that is found. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { PSPFReader } from "@flavor/pspf/read";
import { cli, type CliOutcome } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { firstDifference, helperPath, PLATFORM } from "./native_builder.ts";

const MANIFEST = `
package = { name = "demo", version = "1.2.3" }
custom = { team = "tools" }
execution = { command = "sh {workenv}/app/run.sh" }
slots = [{ id = "all", source = ".", target = "app", exclude = ["keys/"] }]
`;

async function project(dir: TempDir): Promise<void> {
  await dir.write("flavor.toml", MANIFEST);
  await dir.write("run.sh", "echo hello\n", 0o755);
  await dir.write("large", "0123456789\n".repeat(300_000));
}

/** `flavor` in a checkout of its own. */
async function flavor(
  dir: TempDir,
  ...args: readonly string[]
): Promise<CliOutcome> {
  return await cli([...args], {
    cwd: dir.path,
    env: { FLAVOR_LAUNCHER_BIN: helperPath("launcher") },
    change: (host) => ({
      ...host,
      machine: {
        ...host.machine,
        checkout: dir.at("checkout"),
        home: dir.at("home"),
        beside: undefined,
      },
    }),
  });
}

async function pack(
  dir: TempDir,
  ...flags: readonly string[]
): Promise<Uint8Array> {
  const { code, err } = await flavor(
    dir,
    ...["pack", "--key-seed", "seed", "--output", "demo.psp", ...flags],
  );
  assertEquals(code, 0, err);
  return await Deno.readFile(dir.at("demo.psp"));
}

Deno.test("pack --builder-bin with our native builder gives the bytes of the one that is built in", async () => {
  await using dir = await tempDir();
  await project(dir);
  const expected = await pack(dir);
  const builder = ["--builder-bin", helperPath("builder")];
  // Not even when it lies among the sources is the old package packed.
  assertEquals(
    firstDifference(await pack(dir, ...builder), expected),
    undefined,
  );
  const portable = await pack(dir, "--portable");
  assert(firstDifference(portable, expected) !== undefined);
  assertEquals(
    firstDifference(await pack(dir, "--portable", ...builder), portable),
    undefined,
  );
});

Deno.test("pack --builder-bin with our native builder reports what it built", async () => {
  await using dir = await tempDir();
  await project(dir);
  const packed = async (...flags: readonly string[]): Promise<unknown> => {
    const { code, out, err } = await flavor(
      dir,
      ...["pack", "--json", "--key-seed", "s", "-o", "demo.psp", ...flags],
    );
    assertEquals(code, 0, err);
    return JSON.parse(out);
  };
  const native = ["--builder-bin", helperPath("builder")];
  assertEquals(await packed(...native), await packed());
});

Deno.test("pack --builder native takes ours for this machine, else Go's, else names the places that it searched", async () => {
  await using dir = await tempDir();
  await project(dir);
  const expected = await pack(dir);
  const none = await flavor(dir, "pack", "--builder", "native", "--json");
  assertEquals(none.code, 5);
  const { error } = JSON.parse(none.err);
  assertEquals(error.code, "launcher/not-found");
  for (const language of ["rs", "go"]) {
    for (const place of ["checkout/dist/bin", "home/.local/share/flavor/bin"]) {
      const name = `flavor-${language}-builder-${PLATFORM}`;
      assertStringIncludes(error.message, dir.at(place, name));
    }
  }
  // A stand-in that says that it was asked.
  const places = dir.at("checkout/dist/bin");
  const go = `${places}/flavor-go-builder-${PLATFORM}`;
  await dir.write(
    `checkout/dist/bin/flavor-go-builder-${PLATFORM}`,
    "#!/bin/sh\necho Go was asked >&2\nexit 3\n",
    0o755,
  );
  const asked = await flavor(dir, "pack", "--builder", "native");
  assertEquals(asked.code, 6);
  assertStringIncludes(asked.err, "Go was asked");
  await Deno.remove(go);
  await Deno.mkdir(dir.at("elsewhere"));
  await Deno.rename(dir.at("checkout"), dir.at("elsewhere/checkout"));
  await Deno.remove(dir.at("elsewhere"), { recursive: true });
  const home = dir.at("home/.local/share/flavor/bin");
  await Deno.mkdir(home, { recursive: true });
  const rust = `${home}/flavor-rs-builder-${PLATFORM}`;
  await Deno.copyFile(helperPath("builder"), rust);
  // The manifest packs its own directory, so what was put there has to go again.
  await dir.write(".flavorignore", "/home/\n");
  const ours = await pack(dir, "--builder", "native");
  await Deno.remove(dir.at("home"), { recursive: true });
  const again = await pack(dir);
  assertEquals(firstDifference(ours, again), undefined);
  assert(firstDifference(again, expected) !== undefined);
});

Deno.test("pack --builder native packs a project by the manifest that it amounts to", async () => {
  await using dir = await tempDir();
  const bin = dir.at("checkout/dist/bin");
  await Deno.mkdir(bin, { recursive: true });
  await Deno.copyFile(
    helperPath("builder"),
    `${bin}/flavor-rs-builder-${PLATFORM}`,
  );
  await dir.write("hello", `#!/bin/sh\necho "hello $1"\n`, 0o755);
  const { code, err } = await flavor(
    dir,
    ...["pack", "hello", "--builder", "native", "--key-seed", "s"],
    ...["-o", "out.psp"],
  );
  assertEquals(code, 0, err);
  await using opened = await PSPFReader.open(dir.at("out.psp"));
  assertEquals(opened.metadata.package.name, "hello");
  const started = await new Deno.Command(dir.at("out.psp"), {
    args: ["you"],
    env: { FLAVOR_CACHE: dir.at("cache") },
  }).output();
  assertEquals(new TextDecoder().decode(started.stdout), "hello you\n");
});

Deno.test("helpers list, info and test show our native builder and have it build", async () => {
  await using dir = await tempDir();
  const name = `flavor-rs-builder-${PLATFORM}`;
  await Deno.mkdir(dir.at("checkout/dist/bin"), { recursive: true });
  const path = dir.at("checkout/dist/bin", name);
  await Deno.copyFile(helperPath("builder"), path);
  const list = await flavor(dir, "helpers", "list", "--json");
  const [listed] = JSON.parse(list.out).helpers;
  assertEquals([listed.name, listed.role, listed.language], [
    name,
    "builder",
    "rust",
  ]);
  assertEquals(listed.version, "flavor-rs-builder 0.1.0");
  const info = await flavor(dir, "helpers", "info", path, "--json");
  const { role, runs_on } = JSON.parse(info.out);
  assertEquals([role, runs_on], ["builder", [PLATFORM]]);
  await Deno.rename(path, dir.at("mine"));
  const known = await flavor(dir, "helpers", "info", "./mine", "--json");
  assertEquals(JSON.parse(known.out).role, "builder");
  await Deno.rename(dir.at("mine"), path);
  const test = await flavor(dir, "helpers", "test");
  assertEquals(test.code, 0, test.err);
  assertStringIncludes(test.out, "flavor-rs-builder 0.1.0; built a package in");
});
