import { PSPFBuilder, PSPFReader } from "@flavor/pspf";
import { MemoryTree } from "@flavor/pspf/io";
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { OUR_LAUNCHER } from "../pack/build_in_memory.ts";
import type { PageReport } from "./page_report.ts";
import { runPage } from "./run_page.ts";

const TEXT = "read in a browser\n".repeat(20);

const MEMBERS = ["tree", "tree/a", "tree/a/b.txt"];

/** A package with a file and an archive, both in one compression. */
async function buildPackage(
  compression: "gzip" | "zstd" | "xz" | "bzip2",
): Promise<Uint8Array<ArrayBuffer>> {
  const tree = new MemoryTree({ "a/b.txt": { content: TEXT } });
  const stream = new PSPFBuilder()
    .setPackageName("demo")
    .setPackageVersion("1.0.0")
    .setMetadata({ execution: { command: "true" } })
    .addSlot({ name: "text", operations: compression }, new Blob([TEXT]))
    .addSlot({ name: "tree", operations: `tar|${compression}` }, tree)
    .setLauncher(
      new TextEncoder().encode(
        OUR_LAUNCHER.replace("zstd;", "zstd,xz,bzip2;"),
      ),
    )
    .withKeys({ seed: "browser" })
    .build();
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The page as one module, as a site would ship it. */
async function bundlePage(): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: ".js" });
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        "--quiet",
        "--platform=browser",
        `--output=${path}`,
        fromFileUrl(new URL("page.ts", import.meta.url)),
      ],
      stdout: "null",
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    return await Deno.readTextFile(path);
  } finally {
    await Deno.remove(path);
  }
}

async function changeFirstSlot(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  await using reader = await PSPFReader.open(bytes);
  const at = reader.slot(0).offset ?? 0;
  const changed = bytes.slice();
  // Behind the header, whatever the compression.
  changed[at + 12] = (changed[at + 12] ?? 0) ^ 255;
  return changed;
}

Deno.test("@flavor/pspf/read and /format work in a browser", async () => {
  const script = await bundlePage();
  assertEquals(script.includes('from "node:'), false);
  const gzip = await buildPackage("gzip");
  const tampered = await changeFirstSlot(gzip);
  const zstd = await buildPackage("zstd");
  const type = "application/octet-stream";
  const report = await runPage({
    "/": {
      type: "text/html",
      body: '<!doctype html><script type="module" src="/page.js"></script>',
    },
    "/page.js": { type: "text/javascript", body: script },
    "/gzip.psp": { type, body: gzip },
    "/zstd.psp": { type, body: zstd },
    "/damaged.psp": { type, body: await changeFirstSlot(zstd) },
    "/xz.psp": { type, body: await buildPackage("xz") },
    "/bzip2.psp": { type, body: await buildPackage("bzip2") },
    "/tampered.psp": { type, body: tampered },
  }) as PageReport;
  assertEquals(report, {
    hasDeno: false,
    slotCount: 2,
    appended: 0,
    name: "demo",
    // Digests are over stored bytes: verification needs no decoder.
    checks: { gzip: true, zstd: true, tampered: false },
    failure: "verify/slot-digest",
    text: TEXT,
    files: ["text", "tree", "tree/a", "tree/a/b.txt"],
    texts: { zstd: TEXT, xz: TEXT, bzip2: TEXT },
    members: { zstd: MEMBERS, xz: MEMBERS, bzip2: MEMBERS },
    damagedSlot: "compress/corrupt",
    notAPackage: "format/not-a-package",
  });
});
