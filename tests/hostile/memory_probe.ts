/**
 * Reads one package with both readers, in a process of its own, and prints how much resident memory each of them
 * used at most, in bytes:
 *
 *     deno run --allow-all memory_probe.ts PACKAGE DIRECTORY CACHE
 *
 * @module
 */

import { DirectoryTarget } from "../../lib/host/directory_target.ts";
import { openFileSource } from "../../lib/host/file_source.ts";
import { isPspfError } from "../../lib/errors.ts";
import { extractSlot } from "../../lib/read/slot_content.ts";
import { openPackage } from "../../lib/read/open_package.ts";
import { verifyPackage } from "../../lib/read/mod.ts";
import {
  readPeakMemory,
  startWithLauncher,
} from "./readers/launcher_reader.ts";

const [file = "", directory = "", cache = ""] = Deno.args;
try {
  await using source = openFileSource(file);
  await verifyPackage(source);
  const opened = await openPackage(source);
  const target = new DirectoryTarget(directory, "out");
  for (const slot of opened.slots) await extractSlot(opened, slot, target);
} catch (error) {
  if (!isPspfError(error)) throw error;
}
const typescript = readPeakMemory("/proc/self/status");
if (typescript === 0) {
  throw new Error("This system does not tell its peak memory");
}
const { peakMemory: launcher = 0 } = await startWithLauncher(file, {
  cache,
  measure: true,
});
console.log(JSON.stringify({ launcher, typescript }));
