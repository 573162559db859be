import { keyPairFromSeed } from "@flavor/pspf/crypto";
import {
  type BuildOptions,
  writePackage,
} from "../../lib/pack/build_package.ts";
import type { BuildReport } from "@flavor/pspf/pack";
import type { FoundSource } from "../../lib/pack/slot_source.ts";
import { BytesSource, MemoryTree, type MemoryTreeInit } from "@flavor/pspf/io";
import { MemorySink } from "../../lib/io/memory_sink.ts";
import { type BuildPlan, parseManifest } from "@flavor/pspf/manifest";
import { PspfError } from "../../lib/errors.ts";

/** A launcher of ours, as far as the builder can tell. */
export const OUR_LAUNCHER =
  "\x7fELF...flavor-rs-launcher/1 pspf-2025 ops=raw,tar,gzip,zstd;...";

/** Sources by name: bytes are files, anything else is a directory. */
export type Sources = Readonly<
  Record<string, Uint8Array | string | MemoryTreeInit>
>;

/** What a test changes. */
export type Overrides = Partial<BuildOptions> & { readonly mode?: number };

/** Builds from sources in memory. */
export async function buildInMemory(
  plan: BuildPlan,
  sources: Sources,
  overrides: Overrides = {},
): Promise<{ bytes: Uint8Array; report: BuildReport }> {
  const { mode = 0o644, ...options } = overrides;
  await using sink = new MemorySink();
  const report = await writePackage(plan, sink, {
    launcher: textSource(OUR_LAUNCHER),
    keyPair: await keyPairFromSeed("test"),
    openSource: ({ source }) =>
      Promise.resolve(openSource(sources, source, mode)),
    ...options,
  });
  await sink.commit();
  return { bytes: sink.bytes ?? new Uint8Array(), report };
}

/** A source that holds text. */
export function textSource(text: string): BytesSource {
  return new BytesSource(new TextEncoder().encode(text), "text");
}

/** A plan of the given slots, each in the words of `flavor.toml`. */
export function planOf(slots: readonly string[], rest = ""): BuildPlan {
  return parseManifest(
    `
    package = { name = "demo", version = "1.2.3" }
    execution = { command = "app" }
    slots = [${slots.join(", ")}]
    ${rest}`,
    { format: "toml", name: "flavor.toml" },
  );
}

/** A file in memory, as a source of a slot. */
export function fileSource(
  content: Uint8Array | string,
  mode = 0o644,
  name = "text",
): FoundSource {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  return {
    kind: "file",
    mode,
    open: () => Promise.resolve(new BytesSource(bytes, name)),
  };
}

function openSource(
  sources: Sources,
  name: string,
  mode: number,
): FoundSource {
  const source = sources[name];
  if (source === undefined) {
    throw new PspfError("io/not-found", `Cannot open "${name}": it is missing`);
  }
  return typeof source === "string" || source instanceof Uint8Array
    ? fileSource(source, mode, name)
    : { kind: "directory", tree: new MemoryTree(source, name) };
}
