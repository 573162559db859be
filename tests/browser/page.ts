/** Runs in the browser: reads packages from the server, and reports to it. */

import {
  findAppendedBytes,
  parseIndexBlock,
  parseTrailer,
} from "@flavor/pspf/format";
import { BlobSource, MemoryTarget } from "@flavor/pspf/io";
import { PSPFReader, verifyPackage } from "@flavor/pspf/read";
import type { PageReport } from "./page_report.ts";

const TRAILER_SIZE = 8200;

async function fetchPackage(name: string): Promise<Blob> {
  return await (await fetch(name)).blob();
}

/** The code of what a call throws; a message where it has none. */
async function codeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return "nothing was thrown";
  } catch (error) {
    const { code, message } = error as { code?: string; message?: string };
    return code ?? `without a code: ${message}`;
  }
}

async function examine(): Promise<PageReport> {
  const gzip = await fetchPackage("/gzip.psp");
  const zstd = await fetchPackage("/zstd.psp");
  const tampered = await fetchPackage("/tampered.psp");
  const trailer = new Uint8Array(
    await gzip.slice(gzip.size - TRAILER_SIZE).arrayBuffer(),
  );

  await using reader = await PSPFReader.open(gzip, { level: "strict" });
  const target = new MemoryTarget();
  await reader.extractAll(target);

  // Loaded when the first slot needs it, not with the page.
  const texts: Record<string, string> = {};
  const members: Record<string, string[]> = {};
  for (const name of ["zstd", "xz", "bzip2"]) {
    const file = await fetchPackage(`/${name}.psp`);
    await using other = await PSPFReader.open(file);
    texts[name] = await new Response(other.streamSlot("text")).text();
    const entries = await Array.fromAsync(other.entries("tree"));
    members[name] = entries.map(({ path }) => path);
  }
  const damaged = await fetchPackage("/damaged.psp");
  await using other = await PSPFReader.open(damaged, { level: "none" });
  const broken = await verifyPackage(new BlobSource(tampered));
  return {
    hasDeno: "Deno" in globalThis,
    slotCount: parseIndexBlock(parseTrailer(trailer)).slotCount,
    appended: findAppendedBytes(trailer),
    name: reader.metadata.package.name,
    checks: {
      gzip: (await verifyPackage(new BlobSource(gzip), { level: "strict" }))
        .valid,
      zstd: (await verifyPackage(new BlobSource(zstd), { level: "strict" }))
        .valid,
      tampered: broken.valid,
    },
    failure: broken.checks.find(({ status }) => status === "fail")?.code ?? "",
    text: await new Response(reader.streamSlot("text")).text(),
    files: [...target.entries.keys()].toSorted(),
    // Not through a Response, which hides what a stream throws.
    texts,
    members,
    damagedSlot: await codeOf(() =>
      other.streamSlot("text").getReader().read()
    ),
    notAPackage: await codeOf(() => PSPFReader.open(new Blob(["nothing"]))),
  };
}

async function report(path: string, body: unknown): Promise<void> {
  await fetch(path, { method: "POST", body: JSON.stringify(body) });
}

try {
  await report("/report", await examine());
} catch (error) {
  const text = error instanceof Error ? `${error.stack}` : String(error);
  await report("/failure", text);
}
