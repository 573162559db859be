import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, isAbsolute } from "@std/path";

import { keyPairFromSeed, parseKeyPair } from "../../lib/crypto/mod.ts";
import { PSPFReader } from "../../lib/read/mod.ts";
import { cli, type CliOutcome } from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

const MANIFEST = `
package = { name = "demo", version = "1.2.3" }
custom = { team = "tools" }

[execution]
argv = ["sh", "{workenv}/app/run.sh"]
primary_slot = "app"
env = { MODE = "test" }

[[slots]]
id = "app"
source = "app"
target = "app"
purpose = "code"

[[slots]]
id = "text"
source = "text.txt"
target = "text.txt"
permissions = "0640"
`;

/** A builder as a shell script; its words are in `$@`, the output in `$out`. */
async function project(dir: TempDir, builder: string): Promise<void> {
  await dir.write("flavor.toml", MANIFEST);
  await dir.write("app/run.sh", "echo hello\n", 0o755);
  await dir.write("text.txt", "some text, long enough to stay raw\n");
  await dir.write("launcher", foreignLauncher());
  await dir.write(
    "builder",
    `#!/bin/sh
previous=
for word; do
  case $previous in
    --output) out=$word ;;
    --manifest) manifest=$word ;;
  esac
  previous=$word
done
${builder}
`,
    0o755,
  );
}

async function pack(
  dir: TempDir,
  ...flags: readonly string[]
): Promise<CliOutcome> {
  return await cli(
    [
      "pack",
      "--builder-bin",
      "builder",
      "--launcher-bin",
      "launcher",
      "--key-seed",
      "seed",
      "--output",
      "out/demo.psp",
      ...flags,
    ],
    { cwd: dir.path },
  );
}

/** The command line of this project, as a builder. */
const OURSELVES = `"${Deno.execPath()}" run --quiet --allow-all ` +
  `--config "${ROOT}deno.json" "${ROOT}cli.ts" pack --quiet`;

/** What lies where the package would be. */
function published(dir: TempDir): string[] {
  return [...Deno.readDirSync(dir.at("out"))].map(({ name }) => name);
}

Deno.test("pack --builder-bin gives the builder everything resolved, and shows what it said", async () => {
  await using dir = await tempDir();
  await project(
    dir,
    `printf '%s\\n' "$@" > "${dir.path}/words"
pwd > "${dir.path}/cwd"
printf '%s' "$SOURCE_DATE_EPOCH $FLAVOR_WORKENV_BASE" > "${dir.path}/env"
mkdir "${dir.path}/seen" && cp -R . "${dir.path}/seen"
ls -l flavor-private.key > "${dir.path}/mode"
printf 'starting\\n\\033[31mno such thing\\033[0m\\n' >&2
exit 3`,
  );
  const { code, err } = await pack(dir, "--json");
  assertEquals(code, 6, err);
  const { error } = JSON.parse(err);
  assertEquals(error.code, "launcher/failed");
  assertStringIncludes(
    error.message,
    "ended with code 3; it said:\nstarting\nno such thing",
  );
  assertEquals(published(dir), []);

  const words = (await Deno.readTextFile(dir.at("words"))).trim().split("\n");
  assertEquals(words.filter((_, at) => at % 2 === 0), [
    "--manifest",
    "--output",
    "--launcher-bin",
    "--private-key",
    "--public-key",
    "--log-level",
  ]);
  const values = words.filter((_, at) => at % 2 === 1);
  assertEquals(values.slice(0, 5).map(isAbsolute), Array(5).fill(true));
  assertEquals(values[2], dir.at("launcher"));
  assertEquals(values[5], "info");
  const work = (await Deno.readTextFile(dir.at("cwd"))).trim();
  assertEquals(await Deno.readTextFile(dir.at("env")), `0 ${work}`);
  assert((await Deno.readTextFile(dir.at("mode"))).startsWith("-rw-------"));
  await Deno.stat(work).then(
    () => assert(false, "its directory is still there"),
    (error) => assert(error instanceof Deno.errors.NotFound),
  );

  const document = JSON.parse(
    await Deno.readTextFile(dir.at("seen/manifest.json")),
  );
  assertEquals(document.package, { name: "demo", version: "1.2.3" });
  assertEquals(document.execution, {
    primary_slot: 0,
    // Each of the existing builders writes variables where one launcher looks.
    command: "env MODE=test sh {workenv}/app/run.sh",
    env: {},
    environment: {},
  });
  const [app, text] = document.slots;
  assertEquals(
    [app.operations, app.target, app.purpose],
    ["tgz", "{workenv}", "code"],
  );
  assertEquals([text.operations, text.permissions], ["raw", "0640"]);
  // Builders record what they read here: nothing of this machine.
  assertEquals([app.source, text.source], ["slot-0", "slot-1"]);
  const stored = await Deno.readFile(dir.at("seen/slot-0"));
  assertEquals([...stored.subarray(0, 3)], [0x1f, 0x8b, 8]);
  assertEquals(
    await Deno.readFile(dir.at("seen/slot-1")),
    await Deno.readFile(dir.at("text.txt")),
  );
  const key = await parseKeyPair(
    await Deno.readFile(dir.at("seen/flavor-private.key")),
    await Deno.readFile(dir.at("seen/flavor-public.key")),
  );
  assertEquals(key, await keyPairFromSeed("seed"));
});

Deno.test("pack --builder-bin publishes what a builder wrote once it verifies and holds what was asked for", async () => {
  await using dir = await tempDir();
  await project(dir, `exec ${OURSELVES} "$@"`);
  const { code, out, err } = await pack(dir, "--json");
  assertEquals(code, 0, err);
  const report = JSON.parse(out);
  assertEquals([report.portable, report.verified], [true, true]);
  await using opened = await PSPFReader.open(dir.at("out/demo.psp"));
  assertEquals(report.size, opened.package.source.size);
  assertEquals(opened.metadata.package.version, "1.2.3");
  assertEquals(
    opened.slots.map(({ id, operations }) => `${id} ${operations}`),
    ["app tar.gz", "text raw"],
  );
  assertEquals(report.warnings.at(-1)?.slice(0, 18), "custom is left out");
  assertEquals(
    opened.publicKey,
    (await keyPairFromSeed("seed")).publicKey,
  );
  assertEquals(
    ((await Deno.stat(dir.at("out/demo.psp"))).mode ?? 0) & 0o777,
    0o755,
  );
});

Deno.test("pack --builder-bin says which variables and words a builder may lose", async () => {
  await using dir = await tempDir();
  // As the Rust builder does: it passes over what it does not know.
  await project(
    dir,
    `python3 - "$manifest" <<'END'
import json, sys
path = sys.argv[1]
document = json.load(open(path))
document["execution"].pop("environment")
document["package"].pop("description")
json.dump(document, open(path, "w"))
END
exec ${OURSELVES} "$@"`,
  );
  const manifest = MANIFEST.replace(
    `MODE = "test"`,
    `MODE = "test", ODD = "a b"`,
  )
    .replace(`version = "1.2.3"`, `version = "1.2.3", description = "Demo"`);
  await dir.write("flavor.toml", manifest);
  const { code, out, err } = await pack(dir, "--json");
  assertEquals(code, 0, err);
  const { warnings } = JSON.parse(out);
  assertEquals(
    warnings.filter((one: string) => /lost|description/.test(one)),
    [
      "execution.env.ODD may be lost: builders of other products write variables where not every launcher looks",
      "package.description is left out: the builder does not know it",
    ],
  );
  await using opened = await PSPFReader.open(dir.at("out/demo.psp"));
  const { command, env } = opened.metadata.execution;
  assertEquals(command, "env MODE=test sh {workenv}/app/run.sh");
  assertEquals(env, { ODD: "a b" });
});

const REFUSED = {
  "writes garbage": [
    `head -c 20000 /dev/zero > "$out"`,
    "build/verification-failed",
    "does not verify",
  ],
  "writes nothing": ["exit 0", "launcher/failed", "wrote nothing"],
  "packs something else": [
    `sed 's/1\\.2\\.3/6.6.6/' "$manifest" > "$manifest.other"
mv "$manifest.other" "$manifest"
exec ${OURSELVES} "$@"`,
    "build/verification-failed",
    'the version is "6.6.6", expected "1.2.3"',
  ],
  "changes a slot": [
    `echo changed > slot-1.other && cat slot-1 >> slot-1.other
mv slot-1.other slot-1
exec ${OURSELVES} "$@"`,
    "build/verification-failed",
    "the SHA-256 of slot 1 is",
  ],
  "signs with another key": [
    `exec ${OURSELVES} -m "$manifest" -o "$out" --launcher-bin "${"$6"}" --key-seed other`,
    "build/verification-failed",
    "does not verify",
  ],
} as const;

for (const [what, [script, code, message]] of Object.entries(REFUSED)) {
  Deno.test(`pack --builder-bin publishes nothing when the builder ${what}`, async () => {
    await using dir = await tempDir();
    await project(dir, script);
    const { code: exit, err } = await pack(dir, "--json");
    assertEquals(exit, 6, err);
    const { error } = JSON.parse(err);
    assertEquals(error.code, code);
    assertStringIncludes(error.message, message);
    assertEquals(published(dir), []);
  });
}

for (
  const [key, value, message] of [
    [
      "workenv",
      'directories = [{ path = "{workenv}/data" }]',
      "workenv.directories",
    ],
    ["runtime", 'env = { unset = ["LD_*"] }', "the runtime"],
    ["setup_commands", "", "the setup_commands"],
  ] as const
) {
  Deno.test(`pack --builder-bin publishes nothing when the builder drops ${key}`, async () => {
    await using dir = await tempDir();
    // As the Go builder does: it takes what it knows, and says nothing.
    await project(
      dir,
      `python3 - "$manifest" <<'END'
import json, sys
path = sys.argv[1]
document = json.load(open(path))
document.pop("${key}")
json.dump(document, open(path, "w"))
END
exec ${OURSELVES} "$@"`,
    );
    const extra = key === "setup_commands"
      ? 'setup_commands = [{ type = "execute", command = "true" }]\n'
      : "";
    await dir.write(
      "flavor.toml",
      `${extra}${MANIFEST}${extra === "" ? `\n[${key}]\n${value}\n` : ""}`,
    );
    const { code, err } = await pack(dir, "--json");
    assertEquals(code, 6, err);
    const { error } = JSON.parse(err);
    assertEquals(error.code, "build/verification-failed");
    assertStringIncludes(error.message, message);
    assertEquals(published(dir), []);
  });
}

Deno.test("pack --builder-bin refuses a builder for another machine, and to skip the verification", async () => {
  await using dir = await tempDir();
  await project(dir, "exit 0");
  await dir.write("builder", foreignLauncher(183), 0o755);
  const other = await pack(dir);
  assertEquals(other.code, 6);
  assertStringIncludes(other.err, "[launcher/wrong-format]");
  const unverified = await pack(dir, "--no-verify");
  assertEquals(unverified.code, 2);
});
