/**
 * Prints where the bytes of a package are, and what its archives hold.
 *
 *     deno run --allow-read=PACKAGE analyze_package.ts PACKAGE
 *
 * @module
 */

import { type PackageSlot, PSPFReader } from "@flavor/pspf";

/** How many files of an archive are named. */
const LARGEST = 5;

function row(name: string, size: number, total: number): string {
  const share = (100 * size / total).toFixed(1);
  return `${name.padEnd(28)} ${String(size).padStart(12)} ${
    share.padStart(6)
  } %`;
}

async function listLargest(
  reader: PSPFReader,
  slot: PackageSlot,
): Promise<readonly string[]> {
  const files: { readonly path: string; readonly size: number }[] = [];
  for await (const entry of reader.entries(slot.index)) {
    if (entry.kind === "file") {
      files.push({ path: entry.path, size: entry.size ?? 0 });
    }
  }
  return files.toSorted((a, b) => b.size - a.size).slice(0, LARGEST)
    .map(({ path, size }) => `    ${String(size).padStart(12)}  ${path}`);
}

const [path] = Deno.args;
if (path === undefined) {
  console.error("usage: analyze_package.ts PACKAGE");
  Deno.exit(2);
}

await using reader = await PSPFReader.open(path);
const { index, source } = reader.package;
const metadata = reader.metadata;
console.log(`${metadata.package.name} ${metadata.package.version}`);
console.log(`built by ${metadata.build?.tool ?? "an unknown builder"}`);
console.log(reader.isSealed ? "sealed" : "not sealed");
console.log(row("launcher", index.launcher.size, source.size));
console.log(row("metadata", index.metadata.size, source.size));
for (const slot of reader.slots) {
  const name = `slot ${slot.index} ${slot.id} (${slot.operations})`;
  console.log(row(name, slot.size, source.size));
  if (!slot.operations.isArchive) continue;
  for (const line of await listLargest(reader, slot)) console.log(line);
}
