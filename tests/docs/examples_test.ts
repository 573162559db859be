import { generateKeyPair, keyFingerprint, PSPFBuilder } from "@flavor/pspf";
import { MemoryTree } from "@flavor/pspf/io";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { OUR_LAUNCHER } from "../pack/build_in_memory.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const PAIR = await generateKeyPair();

async function buildSample(dir: TempDir, version: string): Promise<string> {
  const { path } = await new PSPFBuilder()
    .setPackageName("hello")
    .setPackageVersion(version)
    .setMetadata({ execution: { command: "true" } })
    .addSlot(
      { name: "tree" },
      new MemoryTree({ "big": { content: "b".repeat(999) } }),
    )
    .setLauncher(new TextEncoder().encode(OUR_LAUNCHER))
    .withKeys(PAIR)
    .build(dir.at("hello.psp"));
  return path;
}

/** Runs an example as its first lines say. */
async function runExample(
  name: string,
  args: readonly string[],
): Promise<{ readonly code: number; readonly text: string }> {
  const script = new URL(`../../docs/examples/${name}`, import.meta.url);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--allow-read",
      fromFileUrl(script),
      ...args,
    ],
  }).output();
  const decoder = new TextDecoder();
  return { code, text: decoder.decode(stdout) + decoder.decode(stderr) };
}

Deno.test("docs/examples/analyze_package.ts names the parts and the largest files", async () => {
  await using dir = await tempDir();
  const path = await buildSample(dir, "1.0.0");
  const { code, text } = await runExample("analyze_package.ts", [path]);
  assertEquals(code, 0, text);
  assertStringIncludes(text, "hello 1.0.0\nbuilt by flavor\nsealed\n");
  assertMatch(text, /slot 0 tree \(tar\.zst\) +\d+ +\d+\.\d %/);
  assertMatch(text, / 999 {2}tree\/big\n/);
});

Deno.test("docs/examples/check_package.ts passes a package that keeps the rules", async () => {
  await using dir = await tempDir();
  const path = await buildSample(dir, "1.0.0");
  const fingerprint = await keyFingerprint(PAIR.publicKey);
  const { code, text } = await runExample("check_package.ts", [
    path,
    fingerprint,
  ]);
  assertEquals(code, 0, text);
  assertEquals(text.match(/^ok {4}/gm)?.length, 5);
});

Deno.test("docs/examples/check_package.ts names the rules that are broken", async () => {
  await using dir = await tempDir();
  const path = await buildSample(dir, "nightly");
  const { code, text } = await runExample("check_package.ts", [path, "00"]);
  assertEquals(code, 1, text);
  assertMatch(text, /^FAIL {2}it is signed with our key: the fingerprint is /m);
  assertStringIncludes(text, 'FAIL  the version is a release: it is "nightly"');

  const bytes = await Deno.readFile(path);
  await Deno.writeFile(path, bytes.subarray(0, bytes.length - 1));
  const cut = await runExample("check_package.ts", [path]);
  assertEquals(cut.code, 1, cut.text);
  assertMatch(cut.text, /^FAIL {2}it can be opened: /);
});
