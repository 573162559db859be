/** What flavor pack refuses, flavor-rs-builder refuses: with the same words, code and exit code, and nothing is left. */

import { assertEquals } from "@std/assert";

import { encodePublicKeyPem } from "../../lib/crypto/key_file.ts";
import { keyPairFromSeed } from "../../lib/crypto/mod.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { launcherLike } from "../support/platform_signed.ts";
import { tempDir } from "../support/temp_dir.ts";
import { packHere, packNatively, type PackOptions } from "./native_builder.ts";

const HEAD = `package = { name = "demo", version = "1" }
execution = { command = "sh" }
`;

function slot(keys: string): string {
  return `${HEAD}slots = [{ id = "a", source = "app", target = "app"${
    keys === "" ? "" : `, ${keys}`
  } }]`;
}

interface Refusal extends PackOptions {
  readonly text?: string;
  /** Says it in words of its own: it has another parser. */
  readonly inOwnWords?: boolean;
}

const MANIFESTS: Readonly<Record<string, string>> = {
  "is no TOML": "a = [1,",
  "has a key twice": `${HEAD}[package]\nname = "x"\n`,
  "is flat": `name = "x"\nversion = "1"\ncommand = "sh"`,
  "is empty": "",
  "misspells keys":
    `${HEAD}slot = []\n[[slots]]\nid = "a"\nsorce = "app"\ntarget = "x"\nlifecycle = "run"`,
  "has values of other kinds":
    `package = { name = 1, version = "" }\nexecution = { command = [] }\nslots = {}`,
  "names an operation that there is none of": slot(`operations = "lzma"`),
  "has tar in the middle": slot(`operations = "gzip|tar"`),
  "compresses a directory as a file": slot(`operations = "zstd"`),
  "has a level out of range": slot(`level = 40`),
  "has setuid permissions": slot(`permissions = "4755"`),
  "leaves the workenv":
    `${HEAD}slots = [{ id = "a", source = "app", target = "../x" }]`,
  "has an absolute target":
    `${HEAD}slots = [{ id = "a", source = "app", target = "/etc" }]`,
  "has ids and targets twice":
    `${HEAD}slots = [{ id = "a", source = "app", target = "x" }, { id = "a", source = "file", target = "x" }]`,
  "puts a slot below a file":
    `${HEAD}slots = [{ id = "a", source = "file", target = "x" }, { id = "b", source = "app", target = "x/y" }]`,
  "has a file for the workenv":
    `${HEAD}slots = [{ id = "a", source = "file", target = "{workenv}" }]`,
  "has a placeholder in a directory's target":
    `${HEAD}slots = [{ id = "a", source = "app", target = "{version}" }]`,
  "labels a file as an archive":
    `${HEAD}slots = [{ id = "a", source = "file", target = "x", operations = "tar.gz" }]`,
  "labels a gzip file as an archive":
    `${HEAD}slots = [{ id = "a", source = "file.gz", target = "x", operations = "tar.gz" }]`,
  "names a source that is not there":
    `${HEAD}slots = [{ id = "a", source = "nothing", target = "x" }]`,
  "packs a private key":
    `${HEAD}slots = [{ id = "a", source = "secret", target = "x" }]`,
  "packs a key file":
    `${HEAD}slots = [{ id = "a", source = "secret/my.pem", target = "x" }]`,
  "packs a pipe": `${HEAD}slots = [{ id = "a", source = "odd", target = "x" }]`,
  "has an open quote":
    `package = { name = "demo", version = "1" }\nexecution = { command = "sh 'x" }`,
  "has placeholders that nobody knows":
    `package = { name = "demo", version = "1" }\nexecution = { command = "sh {workenw} {slot:7} {x}" }\nworkenv = { env = { A = "{archh} {zzzz}" } }`,
  "has a primary slot that there is none of":
    `package = { name = "demo", version = "1" }\nexecution = { command = "sh", primary_slot = "b" }`,
  "has a slash in its name":
    `package = { name = "a/b", version = "1" }\nexecution = { command = "sh" }`,
  "sets odd variables":
    `package = { name = "a", version = "1" }\nexecution = { command = "sh", env = { "A=B" = "x", "" = "y", Z = "\\u0000" } }`,
  "lacks what setup commands need":
    `${HEAD}[[setup_commands]]\ntype = "write_file"\n[[setup_commands]]\ntype = "enumerate_and_execute"\n[[setup_commands]]\ntype = "shel"\n`,
};

const REFUSALS: Readonly<Record<string, Refusal>> = {
  ...Object.fromEntries(
    Object.entries(MANIFESTS).map(([what, text]) => [
      `the manifest ${what}`,
      { text },
    ]),
  ),
  "the JSON manifest is damaged": {
    manifest: "broken.json",
    inOwnWords: true,
  },
  "the JSON manifest has wrong values": { manifest: "wrong.json" },
  "the manifest is not there": {
    manifest: "nothing.toml",
    inOwnWords: true,
  },
  "the launcher is not there": { launcher: "nothing" },
  "the launcher is no program": { launcher: "file" },
  "the launcher is a universal program": { launcher: "fat" },
  "two keys are given": {
    flags: ["--key-seed", "a", "--private-key", "secret/my.pem"],
  },
  "the key is no key": { flags: ["--private-key", "file"] },
  "the key is not there": { flags: ["--private-key", "nothing"] },
  "the public key is another one": {
    flags: ["--key-seed", "a", "--public-key", "other.pub"],
  },
  "there is only a public key": { flags: ["--public-key", "other.pub"] },
  "the seed is empty": {
    flags: ["--key-seed", ""],
    inOwnWords: true,
  },
  "the seed is not in the environment": { flags: ["--key-seed", "env"] },
  "the time is no time": { env: { SOURCE_DATE_EPOCH: "today" } },
  "jobs are no number": {
    flags: ["--jobs", "0"],
    inOwnWords: true,
  },
  "there is a word too many for the profile": {
    text: slot(`operations = "tar.zst"`),
    flags: ["--portable"],
  },
  "the profile has no lifecycle for it": {
    text: slot(`lifecycle = "lazy"`),
    flags: ["--portable"],
  },
  "the profile has no quotes": {
    text:
      `package = { name = "demo", version = "1" }\nexecution = { argv = ["sh", "a b"] }`,
    launcher: "foreign",
  },
  "the profile has no shell": {
    text: `${HEAD}[[setup_commands]]\ntype = "shell"\ncommand = "x"`,
    launcher: "foreign",
  },
  "the profile would dissolve a directory": {
    text: `${HEAD}slots = [{ id = "a", source = "app", target = "slot_1" }]`,
    flags: ["--portable"],
  },
  "the profile follows no link outside": {
    text: `${HEAD}slots = [{ id = "a", source = "links", target = "x" }]`,
    flags: ["--portable"],
  },
};

for (
  const [what, { text, inOwnWords, ...options }] of Object.entries(REFUSALS)
) {
  Deno.test(`flavor-rs-builder refuses as flavor pack does when ${what}`, async () => {
    await using dir = await tempDir();
    await dir.write("app/x", "x");
    await dir.write("file", "a file, and nothing else\n");
    await dir.write(
      "file.gz",
      await new Response(
        new Blob(["no tar"]).stream().pipeThrough(
          new CompressionStream("gzip"),
        ),
      ).bytes(),
    );
    await dir.write(
      "secret/my.pem",
      `-----BEGIN PRIVATE KEY-----\n${
        "A".repeat(64)
      }\n-----END PRIVATE KEY-----\n`,
    );
    await new Deno.Command("mkfifo", { args: [dir.at("pipe")] }).output();
    await Deno.mkdir(dir.at("odd"));
    await Deno.rename(dir.at("pipe"), dir.at("odd/pipe"));
    await Deno.mkdir(dir.at("links"));
    await Deno.symlink("../file", dir.at("links/out"));
    await dir.write("fat", launcherLike("a universal program"));
    await dir.write("foreign", foreignLauncher());
    const { publicKey } = await keyPairFromSeed("other");
    await dir.write("other.pub", encodePublicKeyPem(publicKey));
    await dir.write("broken.json", `{"package": {"name": "x",}}`);
    await dir.write(
      "wrong.json",
      `{"package": {"name": "x", "version": 1}, "execution": {"command": null}, "slots": [{"id": "a"}]}`,
    );
    await dir.write("flavor.toml", text ?? slot(""));
    const here = await packHere(dir, "out/demo.psp", options);
    const native = await packNatively(dir, "out/demo.psp", options);
    // A warning that others can read the key comes first.
    const { error } = JSON.parse(here.err.replace(/^warning: .*\n/, ""));
    const [, actual = ""] =
      /^error: [^]* \[([a-z/-]+)\]$/m.exec(native.stderr) ??
        [];
    assertEquals(actual, error.code, native.stderr);
    if (!inOwnWords) {
      const hint = error.hint === undefined ? "" : `hint: ${error.hint}\n`;
      const expected = `error: ${error.message} [${error.code}]\n${hint}`;
      assertEquals(native.stderr, expected);
    }
    assertEquals(native.code, here.code);
    const left = await Array.fromAsync(
      Deno.readDir(dir.path),
      async ({ name }) =>
        name === "out"
          ? await Array.fromAsync(
            Deno.readDir(dir.at("out")),
            (one) => one.name,
          )
          : [],
    );
    assertEquals(left.flat(), []);
  });
}
