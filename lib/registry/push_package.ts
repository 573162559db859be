import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import {
  detectPlatforms,
  EXECUTABLE_HEAD_SIZE,
} from "../launchers/executable_format.ts";
import { platformName } from "../launchers/platform.ts";
import {
  cutPackage,
  describePiece,
  INDEX_TYPE,
  MANIFEST_TYPE,
  type PackageFile,
  type PieceKind,
  writeIndex,
  writeManifest,
} from "./package_manifest.ts";
import {
  RegistryClient,
  type RegistryOptions,
  type Upload,
  type UploadOutcome,
} from "./registry_client.ts";
import { formatReference, type Reference } from "./reference.ts";

/** Options of {@linkcode pushPackages}. */
export interface PushOptions extends RegistryOptions {
  /** Other repositories of the registry that may have some of it already. */
  readonly mountFrom?: readonly string[] | undefined;
  /** Gets the number of bytes that were read or sent since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** What became of one piece of a package. */
export interface PushedPiece {
  readonly kind: PieceKind | "metadata";
  readonly id?: string | undefined;
  readonly digest: string;
  readonly size: number;
  readonly outcome: UploadOutcome;
}

/** What was pushed. */
export interface PushReport {
  /** The reference by digest, which always means the same. */
  readonly reference: string;
  readonly digest: string;
  readonly packages: readonly {
    readonly digest: string;
    readonly platform: string | undefined;
    readonly pieces: readonly PushedPiece[];
  }[];
}

/**
 * Pushes packages that were verified: one as a manifest, several as an index of
 * their platforms. What the registry has already is not sent; the name comes
 * last, when all it names is there.
 */
export async function pushPackages(
  packages: readonly PackageFile[],
  reference: Reference,
  options: PushOptions = {},
): Promise<PushReport> {
  const { mountFrom = [] } = options;
  const client = new RegistryClient(reference, "pull,push", options, mountFrom);
  const platforms = await Promise.all(packages.map(platformOf));
  if (packages.length > 1) checkPlatforms(packages, platforms);
  const pushed = [];
  for (const [index, one] of packages.entries()) {
    const { manifest, pieces } = await pushPieces(one, client, options);
    const digest = `sha256:${encodeHex(await sha256(manifest))}`;
    // Alone it may have the tag at once.
    const version = packages.length === 1 ? reference.version : digest;
    await writeAs(client, version, digest, MANIFEST_TYPE, manifest);
    const platform = platforms[index];
    pushed.push({ digest, platform, pieces, size: manifest.length });
  }
  const [only] = pushed;
  let digest = only?.digest ?? "";
  if (pushed.length > 1) {
    const bytes = writeIndex(pushed.map((one) => ({
      ...one,
      platform: one.platform ?? "",
    })));
    digest = `sha256:${encodeHex(await sha256(bytes))}`;
    await writeAs(client, reference.version, digest, INDEX_TYPE, bytes);
  }
  return {
    reference: formatReference(reference, digest),
    digest,
    packages: pushed.map(({ digest, platform, pieces }) => ({
      digest,
      platform,
      pieces,
    })),
  };
}

/** A digest that was asked for has to be the one that there is. */
async function writeAs(
  client: RegistryClient,
  version: string,
  digest: string,
  mediaType: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  if (version.startsWith("sha256:") && version !== digest) {
    throw new PspfError(
      "usage/bad-argument",
      `Cannot push as ${version}: the digest is ${digest}`,
      { context: { expected: version, actual: digest }, hint: "Give a tag" },
    );
  }
  await client.writeManifest(version, mediaType, bytes);
}

async function pushPieces(
  { file, opened }: PackageFile,
  client: RegistryClient,
  { mountFrom = [], onProgress = () => {} }: PushOptions,
): Promise<
  { manifest: Uint8Array<ArrayBuffer>; pieces: readonly PushedPiece[] }
> {
  const { metadataJson } = opened;
  const pieces: PushedPiece[] = [];
  const layers = [];
  const sent = new Map<string, UploadOutcome>();
  const send = async (upload: Upload): Promise<UploadOutcome> => {
    const outcome = sent.get(upload.digest) ??
      await client.writeBlob(upload, mountFrom);
    sent.set(upload.digest, "exists");
    return outcome;
  };
  for (const piece of await cutPackage({ file, opened })) {
    const { kind, id, offset, size } = piece;
    const layer = await describePiece(file, piece, onProgress);
    const { digest } = layer;
    const read: Upload["read"] = async (at, length) => {
      const bytes = await file.read(offset + at, length);
      onProgress(length);
      return bytes;
    };
    const outcome = await send({ digest, size, read });
    if (outcome !== "sent") onProgress(size);
    layers.push(layer);
    pieces.push({ kind, id, digest, size, outcome });
  }
  const { manifest, config } = await writeManifest(opened, layers);
  const { digest, size } = config;
  const outcome = await send({
    digest,
    size,
    read: (at, length) =>
      Promise.resolve(metadataJson.subarray(at, at + length)),
  });
  return {
    manifest,
    pieces: [...pieces, { kind: "metadata", digest, size, outcome }],
  };
}

/** The platform that the launcher is for, where that is one. */
async function platformOf(
  { file, opened: { index } }: PackageFile,
): Promise<string | undefined> {
  const size = Math.min(index.launcher.size, EXECUTABLE_HEAD_SIZE);
  const found = detectPlatforms(await file.read(0, size));
  const [only] = found;
  return only !== undefined && found.length === 1
    ? platformName(only)
    : undefined;
}

function checkPlatforms(
  packages: readonly PackageFile[],
  platforms: readonly (string | undefined)[],
): void {
  for (const [index, platform] of platforms.entries()) {
    const { name } = packages[index]?.file ?? {};
    const problem = platform === undefined
      ? "its launcher is for no platform that is known"
      : platforms.indexOf(platform) !== index
      ? `there is another one for ${platform}`
      : undefined;
    if (problem === undefined) continue;
    throw new PspfError(
      "usage/bad-argument",
      `Cannot push "${name}" beside the others: ${problem}`,
      {
        context: { path: name ?? "", platform: platform ?? null },
        hint: "Give one package for each platform",
      },
    );
  }
}
