import { PSPFBuilder } from "@flavor/pspf";
import { OperationChain } from "@flavor/pspf/format";
import { MemoryTree, type MemoryTreeInit } from "@flavor/pspf/io";
import { PSPFReader } from "@flavor/pspf/read";
import { OUR_LAUNCHER } from "../pack/build_in_memory.ts";
import { makeTar, type TarInput } from "../support/make_tar.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";

/** What a demonstration package is made of. */
export interface DemoOptions {
  readonly name?: string;
  readonly version?: string;
  readonly compression?: "gzip" | "zstd";
  readonly files?: MemoryTreeInit;
  readonly sbom?: unknown;
  readonly seed?: string;
  /** Bytes of a launcher that does not compress. */
  readonly launcherSize?: number;
}

/** A package with a directory, a document and, where given, a list of components. */
export async function demoPackage(
  options: DemoOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const {
    name = "weather",
    version = "1.4.0",
    compression = "gzip",
    files = {},
    sbom,
    seed = "publisher",
    launcherSize = 0,
  } = options;
  const tree = new MemoryTree({
    "bin/weather": { content: "#!/bin/sh\necho sunny\n", mode: 0o755 },
    "bin/latest": { target: "weather" },
    "share/places/lisbon.txt": { content: "38.72 N 9.14 W\n" },
    "share/places/oslo.txt": { content: "59.91 N 10.75 E\n" },
    ...files,
  });
  const builder = new PSPFBuilder()
    .setPackageName(name)
    .setPackageVersion(version)
    .setMetadata({
      package: { name, version, description: "Forecasts for the command line" },
      execution: {
        command: "{workenv}/bin/weather",
        argv: ["{workenv}/bin/weather", "--place", "São Tomé"],
        env: { WEATHER_UNITS: "metric" },
      },
    })
    .addSlot(
      { name: "app", operations: `tar|${compression}`, target: "{workenv}" },
      tree,
    )
    .addSlot(
      { name: "settings", operations: compression, target: "settings.json" },
      new Blob(['{"units": "metric"}\n'.repeat(20)]),
    )
    .setLauncher(
      new TextEncoder().encode(OUR_LAUNCHER + noise(launcherSize)),
    )
    .withKeys({ seed });
  if (sbom !== undefined) {
    builder.addSlot(
      { name: "sbom", operations: "gzip", target: "sbom.cdx.json" },
      new Blob([JSON.stringify(sbom)]),
    );
  }
  return new Uint8Array(await new Response(builder.build()).arrayBuffer());
}

/** Text that no two places of are alike. */
function noise(length: number): string {
  let text = "";
  for (let seed = 1; text.length < length;) {
    seed = seed * 48271 % 0x7fffffff;
    text += seed.toString(36);
  }
  return text.slice(0, length);
}

/** A list of components as others write it. */
export const SBOM = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  components: [{
    type: "library",
    name: "requests",
    version: "2.32.3",
    purl: "pkg:pypi/requests@2.32.3",
    licenses: [{ license: { id: "Apache-2.0" } }],
  }],
};

/** The same with one bit of its first slot changed. */
export async function tamper(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  await using reader = await PSPFReader.open(bytes);
  const changed = bytes.slice();
  const at = reader.slot(0).offset + 20;
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
}

/** A package of which everything is signed, and the archive is what was asked for. */
export async function archivePackage(
  members: readonly TarInput[],
  metadata: Parameters<typeof makeSealedPackage>[0] = {},
  id = "archive",
): Promise<Uint8Array<ArrayBuffer>> {
  return await makeSealedPackage({
    slots: [{
      id,
      stored: makeTar(members),
      target: "{workenv}",
      operations: "tar",
      packed: OperationChain.parse("tar").encode(),
    }],
    ...metadata,
  });
}

/** What would run, were it ever taken for markup. It sets a mark that tests look for. */
export const MARKUP =
  `"'><img src=x onerror="globalThis.ran=1"><script>globalThis.ran=1</script>`;

/** A package in which every name is markup, and files are pages. */
export async function hostilePackage(): Promise<Uint8Array<ArrayBuffer>> {
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" onload="globalThis.ran=1"><script>globalThis.ran=1</script></svg>`;
  return await archivePackage(
    [
      { name: `${MARKUP.replaceAll("/", "")}.txt`, content: MARKUP },
      { name: "page.html", content: `<!doctype html>${MARKUP}` },
      { name: "picture.svg", content: svg },
      { name: "up\u202egnp.exe", content: "x" },
      { name: "a&b%2e%2e%2f#c?d", content: "odd" },
      { name: "link", type: "2", link: "/etc/passwd" },
    ],
    {
      metadata: {
        package: {
          name: MARKUP,
          version: `1${MARKUP}`,
          description: MARKUP,
        },
        execution: {
          primarySlot: 0,
          command: MARKUP,
          args: [MARKUP],
          env: { [MARKUP]: MARKUP, __proto__: "polluted" },
        },
        build: {
          tool: MARKUP,
          toolVersion: MARKUP,
          timestamp: MARKUP,
          deterministic: true,
          platform: { os: "linux", arch: "amd64", host: MARKUP },
        },
        setupCommands: [MARKUP],
      },
    },
    MARKUP,
  );
}
