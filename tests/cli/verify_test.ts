import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";

import { encodePublicKeyPem } from "../../lib/crypto/mod.ts";
import { PSPFReader } from "../../lib/read/mod.ts";
import { cli } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const SEALED = fromFileUrl(new URL("../vectors/sealed.psp", import.meta.url));

/** The key that signed the golden package, as PEM text and as a fingerprint. */
async function signer(): Promise<{ pem: string; fingerprint: string }> {
  await using reader = await PSPFReader.open(SEALED);
  const { out } = await cli(["inspect", SEALED, "--json"], { cwd: "/" });
  const { fingerprint } = JSON.parse(out);
  return { pem: encodePublicKeyPem(reader.publicKey), fingerprint };
}

/** A good package, one with a changed byte, and no package at all. */
async function packages(dir: TempDir): Promise<void> {
  const bytes = await Deno.readFile(SEALED);
  await dir.write("good.psp", bytes);
  const bad = bytes.slice();
  bad[100] = (bad[100] ?? 0) ^ 1;
  await dir.write("bad.psp", bad);
  await dir.write("none.psp", "no package");
}

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1) ?? "";
}

Deno.test("verify says in its last line who signed, and whether that key is trusted or was not checked", async () => {
  const { pem, fingerprint } = await signer();
  const options = { cwd: "/" };
  const unchecked = await cli(["verify", SEALED], options);
  assertEquals(
    lastLine(unchecked.out),
    `${SEALED} is valid, signed by ${fingerprint}; whether to trust this key was not checked`,
  );
  for (const key of [pem, fingerprint, `sha256:${fingerprint}`]) {
    const { code, out } = await cli(
      ["verify", SEALED, "--trusted-key", key],
      options,
    );
    assertEquals(code, 0, out);
    assertEquals(
      lastLine(out),
      `${SEALED} is valid, signed by the trusted key ${fingerprint}`,
    );
  }
  const wrong = await cli(
    ["verify", SEALED, "--trusted-key", "0".repeat(64)],
    options,
  );
  assertEquals(
    [wrong.code, lastLine(wrong.out)],
    [4, `${SEALED} is NOT valid`],
  );
  const none = await cli(["verify", SEALED, "--level", "none"], options);
  assertEquals(
    lastLine(none.out),
    `${SEALED} is valid at level "none", but whether ${fingerprint} signed it was not checked`,
  );
  const json = await cli(["verify", SEALED, "--json"], options);
  const facts = JSON.parse(json.out);
  assertEquals(
    [facts.valid, facts.fingerprint, facts.trusted],
    [true, fingerprint, null],
  );
});

Deno.test("verify does not say that somebody signed when the signature is wrong and tolerated", async () => {
  await using dir = await tempDir();
  const { out } = await cli(["inspect", SEALED, "--json"], { cwd: "/" });
  const bytes = await Deno.readFile(SEALED);
  // The signature of the metadata, in the index block; and the index's own sum.
  const index = bytes.length - 8196;
  bytes[index + 128] = (bytes[index + 128] ?? 0) ^ 1;
  const block = bytes.subarray(index, index + 8192);
  block.fill(0, 4, 8);
  let [low, high] = [1, 0];
  for (const byte of block) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  new DataView(block.buffer, block.byteOffset).setUint32(
    4,
    high * 65_536 + low,
    true,
  );
  await dir.write("bad.psp", bytes);
  for (const level of ["relaxed", "minimal"]) {
    const verified = await cli(["verify", "bad.psp", "--level", level], {
      cwd: dir.path,
    });
    assertEquals(verified.code, 0, verified.out);
    assertEquals(
      lastLine(verified.out),
      `bad.psp is valid at level "${level}", but the signature of ${
        JSON.parse(out).fingerprint
      } is wrong`,
    );
  }
});

Deno.test("verify takes several packages and gives each a verdict", async () => {
  await using dir = await tempDir();
  await packages(dir);
  const options = { cwd: dir.path };
  const all = ["good.psp", "bad.psp", "none.psp"];
  const { code, out } = await cli(["verify", ...all], options);
  assertEquals(code, 4);
  assertEquals(out.split("\n\n").length, 3);
  const verdicts = out.split("\n").filter((line) =>
    / is (?:NOT )?valid/.test(line)
  );
  assertEquals(verdicts.map((line) => line.split(",")[0]), [
    "good.psp is valid",
    "bad.psp is NOT valid",
    "none.psp is NOT valid",
  ]);
  const json = await cli(["verify", ...all, "--json"], options);
  const { valid, packages: list } = JSON.parse(json.out);
  assertEquals(valid, false);
  assertEquals(
    list.map((one: { package: string; valid: boolean }) => [
      one.package,
      one.valid,
    ]),
    [["good.psp", true], ["bad.psp", false], ["none.psp", false]],
  );
  const twice = await cli(["verify", "good.psp", "good.psp"], options);
  assertEquals(twice.code, 0);
});

Deno.test("verify goes on behind a package that it cannot read, and does not call that valid", async () => {
  await using dir = await tempDir();
  await packages(dir);
  const { code, out, err } = await cli(
    ["verify", "nothing.psp", "good.psp"],
    { cwd: dir.path },
  );
  assertEquals(code, 5);
  assertStringIncludes(err, "[io/not-found]");
  assertStringIncludes(out, "good.psp is valid");
  for (const other of ["good.psp", "nothing.psp"]) {
    const json = await cli(["verify", "nothing.psp", other, "--json"], {
      cwd: dir.path,
    });
    const { valid, packages } = JSON.parse(json.out);
    const read = other === "good.psp" ? 1 : 0;
    assertEquals([json.code, valid, packages.length], [5, false, read]);
  }
});

Deno.test("verify --quiet prints failures only", async () => {
  await using dir = await tempDir();
  await packages(dir);
  const options = { cwd: dir.path };
  const good = await cli(["verify", "-q", "good.psp"], options);
  assertEquals([good.code, good.out, good.err], [0, "", ""]);
  const mixed = await cli(["verify", "-q", "good.psp", "bad.psp"], options);
  assertEquals([mixed.code, mixed.err], [4, ""]);
  const lines = mixed.out.trimEnd().split("\n");
  assert(
    lines.every((line) =>
      /^(?:fail | {6}hint: |bad\.psp is NOT valid)/.test(line)
    ),
    mixed.out,
  );
  assert(lines.length >= 2);
});

Deno.test("a trusted key that is no key at all is an error, whatever it looks like", async () => {
  await using dir = await tempDir();
  await packages(dir);
  await dir.write("notes.txt", "no key");
  const cases = [
    ["0".repeat(63), 5, "[io/not-found]"],
    [`${"0".repeat(63)}g`, 5, "neither a fingerprint nor PEM text nor a file"],
    ["notes.txt", 3, "[crypto/bad-key]"],
    [
      "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
      3,
      "[crypto/bad-key]",
    ],
  ] as const;
  for (const command of ["verify", "run"]) {
    for (const [key, exit, says] of cases) {
      const { code, err, out } = await cli(
        [command, `--trusted-key=${key}`, "good.psp"],
        { cwd: dir.path },
      );
      assertEquals([code, out], [exit, ""], err);
      assertStringIncludes(err, says);
      assertStringIncludes(err, "64 hexadecimal digits");
    }
  }
});

Deno.test("inspect, diff and extract refuse the same package with the same code", async () => {
  await using dir = await tempDir();
  const { out } = await cli(["inspect", SEALED, "--json"], { cwd: "/" });
  const { metadata_size: size, launcher_size: launcher } = JSON.parse(out);
  const bytes = await Deno.readFile(SEALED);
  await dir.write("good.psp", bytes);
  // A byte of the compressed metadata, wherever it lies, and other places.
  for (let at = launcher; at < launcher + size; at += 40) {
    const bad = bytes.slice();
    bad[at] = (bad[at] ?? 0) ^ 0xff;
    await dir.write("bad.psp", bad);
    const codes = [];
    for (
      const args of [
        ["inspect", "bad.psp"],
        ["diff", "bad.psp", "good.psp"],
        ["extract", "bad.psp", "0", "out"],
      ]
    ) {
      const { code, err } = await cli([...args, "--json"], { cwd: dir.path });
      const isRefused = code !== 0;
      if (isRefused) codes.push(`${code} ${JSON.parse(err).error.code}`);
    }
    assertEquals(
      new Set(codes).size,
      codes.length === 0 ? 0 : 1,
      `${at}: ${codes}`,
    );
  }
});
