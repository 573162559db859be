interface RuntimeWithVersions {
  readonly process?: {
    readonly versions?: Readonly<Record<string, string | undefined>>;
  };
}

/** What decides which bytes a compressor gives. */
const PARTS = ["deno", "node", "zlib", "zstd"] as const;

/**
 * Names the compressors of this runtime. Another version may give other bytes
 * for the same input, which are as good, but not the same.
 */
export function codecVersion(): string {
  const versions = (globalThis as RuntimeWithVersions).process?.versions ?? {};
  return PARTS.map((part) => `${part} ${versions[part] ?? "none"}`).join(", ");
}
