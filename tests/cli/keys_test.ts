import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { cli } from "../support/captured_host.ts";
import { packProject } from "../support/cli_project.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const MANIFEST = `package = { name = "app", version = "1" }
execution = { command = "sh" }
slots = []
`;

async function project(): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("flavor.toml", MANIFEST);
  await packProject(dir, "seeded.psp");
  return dir;
}

async function openssl(
  dir: TempDir,
  ...args: readonly string[]
): Promise<void> {
  const { code } = await new Deno.Command("openssl", {
    args: [...args],
    cwd: dir.path,
  }).output();
  assertEquals(code, 0);
}

async function fingerprint(
  dir: TempDir,
  file: string,
  more = {},
): Promise<string> {
  const { code, out, err } = await cli(["key", "show", file], {
    cwd: dir.path,
    ...more,
  });
  assertEquals(code, 0, err);
  return out.trim();
}

Deno.test("a key comes from the environment, from standard input, or from keys/", async (t) => {
  await using dir = await project();
  await cli(["keygen", "--quiet", "--out-dir", "other"], { cwd: dir.path });
  const pem = await Deno.readTextFile(dir.at("other", "flavor-private.key"));
  const expected = await fingerprint(dir, "other/flavor-public.key");
  const args = ["pack", "--launcher-bin", "launcher", "-o", "app.psp"];
  const signed = async (
    more: readonly string[],
    options: object,
  ): Promise<string> => {
    const { code, err } = await cli([...args, ...more], {
      cwd: dir.path,
      ...options,
    });
    assertEquals(code, 0, err);
    assertEquals(await fingerprint(dir, "app.psp"), expected);
    return err;
  };
  await t.step("FLAVOR_PRIVATE_KEY", async () => {
    const err = await signed([], { env: { FLAVOR_PRIVATE_KEY: pem } });
    assertStringIncludes(err, "signed with the key in FLAVOR_PRIVATE_KEY");
  });
  await t.step("--private-key -", async () => {
    await signed(["--private-key", "-"], { stdin: pem });
  });
  await t.step("standard input that is empty", async () => {
    const { code } = await cli([...args, "--private-key", "-"], {
      cwd: dir.path,
    });
    assertEquals(code, 2);
  });
  await t.step("keys/ is used and named", async () => {
    await Deno.rename(dir.at("other"), dir.at("keys"));
    const err = await signed([], {});
    assertStringIncludes(err, "keys/flavor-private.key");
    assert(!err.includes("other users"), err);
  });
  await t.step("a key that others can read draws a warning", async () => {
    await Deno.chmod(dir.at("keys", "flavor-private.key"), 0o644);
    assertStringIncludes(
      await signed([], {}),
      "other users can read the private key",
    );
  });
});

Deno.test("an encrypted key is opened with a password", async (t) => {
  await using dir = await project();
  await openssl(dir, "genpkey", "-algorithm", "ed25519", "-out", "plain.key");
  await openssl(
    dir,
    "pkcs8",
    "-topk8",
    "-in",
    "plain.key",
    "-out",
    "locked.key",
    "-passout",
    "pass:right",
  );
  const expected = await fingerprint(dir, "plain.key");
  const args = [
    "sign",
    "seeded.psp",
    "-o",
    "signed.psp",
    "--private-key",
    "locked.key",
  ];
  const sign = (options: object): ReturnType<typeof cli> =>
    cli(args, { cwd: dir.path, ...options });
  await t.step("from the environment", async () => {
    const { code, err } = await sign({ env: { FLAVOR_KEY_PASSWORD: "right" } });
    assertEquals(code, 0, err);
    assertEquals(await fingerprint(dir, "signed.psp"), expected);
  });
  await t.step("typed", async () => {
    assertEquals((await sign({ secret: "right" })).code, 0);
    assertEquals(
      await fingerprint(dir, "locked.key", { secret: "right" }),
      expected,
    );
  });
  await t.step("a wrong one", async () => {
    const { code, err } = await sign({ env: { FLAVOR_KEY_PASSWORD: "wrong" } });
    assertEquals(code, 3);
    assertStringIncludes(err, "the password does not open it");
  });
  await t.step("nobody to ask", async () => {
    const { code, err } = await sign({});
    assertEquals(code, 3);
    assertStringIncludes(err, "FLAVOR_KEY_PASSWORD");
  });
});

Deno.test("sign gives a finished package another key and changes nothing else", async (t) => {
  await using dir = await project();
  await cli(["keygen", "--quiet"], { cwd: dir.path });
  const before = await fingerprint(dir, "seeded.psp");
  const { code, out, err } = await cli([
    "sign",
    "seeded.psp",
    "-o",
    "signed.psp",
    "--json",
  ], { cwd: dir.path });
  assertEquals(code, 0, err);
  const after = await fingerprint(dir, "keys/flavor-public.key");
  assertEquals(JSON.parse(out), {
    package: "signed.psp",
    before,
    after,
    rewritten_bytes: 8200,
  });
  const [first, second] = [
    await Deno.readFile(dir.at("seeded.psp")),
    await Deno.readFile(dir.at("signed.psp")),
  ];
  assertEquals(first.length, second.length);
  assertEquals(first.subarray(0, -8200), second.subarray(0, -8200));
  const verified = await cli([
    "verify",
    "signed.psp",
    "--level",
    "strict",
    "--trusted-key",
    after,
  ], { cwd: dir.path });
  assertEquals(verified.code, 0, verified.out + verified.err);

  await t.step("in place, and back again to the same bytes", async () => {
    const { code, err } = await cli([
      "sign",
      "signed.psp",
      "--key-seed",
      "seed",
    ], { cwd: dir.path });
    assertEquals(code, 0, err);
    assertEquals(await Deno.readFile(dir.at("signed.psp")), first);
  });
  await t.step("what was changed is not signed", async () => {
    const changed = first.slice();
    changed[100] = (changed[100] ?? 0) ^ 1;
    await dir.write("changed.psp", changed);
    const { code, err } = await cli(["sign", "changed.psp"], { cwd: dir.path });
    assertEquals(code, 4, err);
    assertEquals(await Deno.readFile(dir.at("changed.psp")), changed);
  });
  await t.step("without a key there is nothing to sign with", async () => {
    await Deno.remove(dir.at("keys"), { recursive: true });
    assertEquals(
      (await cli(["sign", "signed.psp"], { cwd: dir.path })).code,
      2,
    );
  });
});
