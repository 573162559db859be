import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import {
  EXAMPLES,
  prepareExamples,
} from "../../../scripts/prepare_examples.ts";
import { flavor } from "./processes.ts";

/** An application in `examples/`. */
export type ExampleName = "hello-shell" | "static-binary" | "deno-app";

const packages = new Map<ExampleName, Promise<string>>();
let directory: string | undefined;

/** Packing is slow, so all tests of a process share what never changes. */
function sharedDirectory(): string {
  if (directory === undefined) {
    const made = Deno.makeTempDirSync({ prefix: "flavor-e2e-" });
    directory = made;
    globalThis.addEventListener("unload", () => {
      new Deno.Command("rm", { args: ["-rf", "--", made] }).outputSync();
    });
  }
  return directory;
}

/**
 * Packs an example once.
 *
 * @param name Which.
 * @returns The package, which tests only read and run.
 */
export function examplePackage(name: ExampleName): Promise<string> {
  const known = packages.get(name);
  if (known !== undefined) return known;
  const packed = packExample(name);
  packages.set(name, packed);
  return packed;
}

async function packExample(name: ExampleName): Promise<string> {
  await prepareExamples();
  const output = join(sharedDirectory(), `${name}.psp`);
  const manifest = join(EXAMPLES, name, "flavor.toml");
  const { code, stderr } = await flavor([
    "pack",
    "--manifest",
    manifest,
    "--output",
    output,
    "--key-seed",
    "end-to-end",
  ]);
  assertEquals(code, 0, stderr);
  return output;
}

/** A cache that all tests of a process share. */
export function sharedCache(): string {
  return join(sharedDirectory(), "cache");
}
