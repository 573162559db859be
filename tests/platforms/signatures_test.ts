import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { BytesSource } from "../../lib/io/mod.ts";
import { verifyPackage } from "../../lib/read/mod.ts";
import { openPackage } from "../../lib/read/open_package.ts";
import { flavor, run } from "../e2e/support/processes.ts";
import { tempDir } from "../support/temp_dir.ts";
import { MACHINES, ROOT } from "./support/machine.ts";
import { checkPages, readMacho } from "./support/macho.ts";
import { Sample } from "./support/sample.ts";

const RCODESIGN = join(ROOT, ".dev/rcodesign-0.29.0/bin/rcodesign");

async function succeed(
  program: string,
  args: readonly string[],
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  assertEquals(code, 0, `${program} ${args.join(" ")}\n${stdout}${stderr}`);
  return stdout + stderr;
}

/** What `flavor` says about a package that was signed behind. */
async function checkNamed(path: string, system: string): Promise<void> {
  const verified = await flavor(["verify", path, "--level", "strict"]);
  assertEquals(verified.code, 0, verified.stdout + verified.stderr);
  assertStringIncludes(
    verified.stdout,
    `A signature for ${system} follows the package; it is not judged here`,
  );
  const { stdout } = await flavor(["inspect", path]);
  assertStringIncludes(stdout, `signed for ${system}, which is not judged`);
}

/** Offsets of bytes all over the package: in each part of it, and in what stands between. */
async function spots(bytes: Uint8Array): Promise<readonly number[]> {
  const { index, slots } = await openPackage(new BytesSource(bytes));
  const parts = [index.launcher, index.metadata, index.slotTable, ...slots];
  const inside = parts.flatMap(({ offset, size }) =>
    [0.1, 0.5, 0.9].map((part) => offset + Math.floor(part * size))
  );
  const block = index.trailerOffset;
  return [...inside, block + 4, block + 500, block + 900, block + 8196];
}

/** Looks for a changed byte that is taken. */
async function checkFlips(
  bytes: Uint8Array<ArrayBuffer>,
  at: readonly number[],
  accepts: (changed: Uint8Array<ArrayBuffer>) => Promise<boolean>,
): Promise<void> {
  for (const offset of at) {
    const changed = bytes.slice();
    changed[offset] = (changed[offset] ?? 0) ^ 1;
    assert(!await accepts(changed), `a flip at ${offset} was not seen`);
  }
}

async function isValid(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  return (await verifyPackage(bytes, { level: "strict" })).valid;
}

Deno.test("osslsigncode signs a package for Windows, which verifies and starts", async () => {
  const machine = MACHINES.find(({ isWindows }) => isWindows);
  assert(machine !== undefined);
  const sample = await Sample.pack(machine);
  const at = (name: string): string => join(sample.directory, name);
  await succeed("openssl", [
    ..."req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test".split(" "),
    ..."-addext extendedKeyUsage=codeSigning".split(" "),
    ...["-keyout", at("key.pem"), "-out", at("certificate.pem")],
  ]);
  const signed = at("signed.exe");
  await succeed("osslsigncode", [
    ...["sign", "-certs", at("certificate.pem"), "-key", at("key.pem")],
    ...["-h", "sha256", "-in", sample.file, "-out", signed],
  ]);
  const verified = await run("osslsigncode", [
    ...["verify", "-CAfile", at("certificate.pem"), "-in", signed],
  ]);
  assertStringIncludes(verified.stdout, "Signature verification: ok");
  await checkNamed(signed, "Windows (Authenticode)");
  await Deno.chmod(signed, 0o755);
  for (const word of ["first", "second"]) {
    const started = await sample.start(["arguments", word], {}, signed);
    assertEquals([started.code, started.stdout], [0, `"${word}"\n`]);
  }
  const bytes = await Deno.readFile(signed);
  const all = await spots(bytes);
  await checkFlips(bytes, all, isValid);
  const { index } = await openPackage(new BytesSource(bytes));
  // A changed launcher may do what it likes; only others can tell.
  const others = all.filter((offset) => offset >= index.launcher.size);
  const changed = at("changed.exe");
  await checkFlips(bytes, others, async (flipped) => {
    await Deno.writeFile(changed, flipped, { mode: 0o755 });
    return (await sample.start(["exit", "0"], {}, changed)).code === 0;
  });
  assert(!await isValid(new Uint8Array([...bytes, 0])), "something follows");
});

for (const architecture of ["amd64", "arm64"] as const) {
  const launcher = join(
    ROOT,
    `dist/bin/flavor-rs-launcher-darwin_${architecture}`,
  );

  Deno.test(`the launcher for darwin_${architecture} needs macOS 11 and its own libraries only`, async () => {
    const facts = readMacho(await Deno.readFile(launcher));
    assertEquals(facts.architecture, architecture);
    assertEquals(facts.minimum, "11.0");
    for (const library of facts.libraries) {
      assert(/^\/(usr\/lib|System)\//.test(library), library);
    }
  });

  Deno.test(`rcodesign verifies a package for darwin_${architecture} and signs it again`, async () => {
    await using dir = await tempDir();
    await dir.write("program", "#!/bin/sh\necho hello\n", 0o755);
    const manifest = await dir.write(
      "flavor.toml",
      `package = { name = "mac", version = "1" }
execution = { command = "{workenv}/bin/program" }
slots = [{ id = "program", source = "program", target = "bin/program", permissions = "755" }]
`,
    );
    const packed = dir.at("packed");
    const { code, stderr } = await flavor([
      ...["pack", "--manifest", manifest, "--output", packed, "--quiet"],
      ...["--launcher-bin", launcher, "--key-seed", "platforms"],
    ]);
    assertEquals(code, 0, stderr);
    const adHoc = await Deno.readFile(packed);
    assert(await checkPages(adHoc) > 100);
    assertEquals(readMacho(adHoc).end, adHoc.length);
    assertEquals(readMacho(adHoc).signature?.[1], adHoc.length);
    await checkNamed(packed, "macOS (codesign)");
    // All it has to say is that nobody stands behind it.
    const judged = await run(RCODESIGN, ["verify", packed]);
    const problems = judged.stdout.trim().split("\n").filter((line) =>
      !line.startsWith("(")
    );
    assertEquals(problems, ["no cryptographic signature present"]);

    await succeed(RCODESIGN, [
      ..."generate-self-signed-certificate --person-name test".split(" "),
      ...["--pem-filename", dir.at("id")],
    ]);
    const signed = dir.at("signed");
    await succeed(RCODESIGN, [
      ...[
        "sign",
        "--pem-file",
        dir.at("id.key"),
        "--pem-file",
        dir.at("id.crt"),
      ],
      ...["--timestamp-url", "none", packed, signed],
    ]);
    const bytes = await Deno.readFile(signed);
    assert(await checkPages(bytes) > 100);
    assertEquals(readMacho(bytes).end, bytes.length);
    await checkNamed(signed, "macOS (codesign)");
    await checkFlips(bytes, await spots(bytes), isValid);
  });
}

Deno.test("every launcher is a program of its platform, and needs nothing else", async () => {
  const read = async (name: string): Promise<DataView> => {
    const path = join(ROOT, `dist/bin/flavor-rs-launcher-${name}`);
    return new DataView((await Deno.readFile(path)).buffer);
  };
  for (
    const [name, machine] of [["linux_amd64", 62], [
      "linux_arm64",
      183,
    ]] as const
  ) {
    const elf = await read(name);
    assertEquals(elf.getUint32(0), 0x7f454c46);
    assertEquals([elf.getUint16(16, true), elf.getUint16(18, true)], [
      2,
      machine,
    ]);
    // No interpreter (3) and no dynamic section (2).
    const headers = Number(elf.getBigUint64(32, true));
    for (let at = 0; at < elf.getUint16(56, true); at++) {
      assert(![2, 3].includes(elf.getUint32(headers + 56 * at, true)), name);
    }
  }
  for (
    const [name, machine] of [["windows_amd64", 0x8664], [
      "windows_arm64",
      0xaa64,
    ]] as const
  ) {
    const pe = await read(`${name}.exe`);
    const header = pe.getUint32(0x3c, true);
    assertEquals(pe.getUint32(header), 0x50450000);
    assertEquals(pe.getUint16(header + 4, true), machine);
    // A console program (3), whose addresses are random and whose data is no code.
    assertEquals(pe.getUint16(header + 24 + 68, true), 3);
    assertEquals(pe.getUint16(header + 24 + 70, true) & 0x140, 0x140);
    assertEquals(pe.getUint32(header + 8, true), 0, "no time of building");
  }
});
