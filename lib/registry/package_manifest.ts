import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { createSha256, sha256 } from "../crypto/sha256.ts";
import { type JsonValue, PspfError } from "../errors.ts";
import { ALIGNMENT, MAX_SLOT_COUNT } from "../format/constants.ts";
import { alignUp } from "../bytes/u64.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { OpenedPackage } from "../read/open_package.ts";
import type { Descriptor } from "./registry_client.ts";

const VENDOR = "application/vnd.flavor.pspf";

/** What our manifests are. */
export const ARTIFACT_TYPE = `${VENDOR}.package.v1`;
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
export const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
/** The signed metadata, as it is. */
export const CONFIG_TYPE = `${VENDOR}.metadata.v1+json`;

/** What a layer is of a package; `bytes` is what no part of it accounts for. */
export type PieceKind = "launcher" | "slot" | "bytes" | "tail";

const layerType = (kind: PieceKind): string => `${VENDOR}.${kind}.v1`;
const KINDS = new Map(
  (["launcher", "slot", "bytes", "tail"] as const)
    .map((kind) => [layerType(kind), kind]),
);

/** A piece of a package file. Between two of them are only the zeros that align the next. */
export interface Piece {
  readonly kind: PieceKind;
  readonly offset: number;
  readonly size: number;
  /** Id of a slot. */
  readonly id?: string | undefined;
}

/** A piece that is in a registry. */
export interface StoredPiece extends Piece {
  readonly descriptor: Descriptor;
}

/** A package in a registry. */
export interface StoredPackage {
  /** Of the manifest. */
  readonly digest: string;
  readonly size: number;
  readonly pieces: readonly StoredPiece[];
  /** The last piece itself, where the manifest holds it. */
  readonly tail: Uint8Array | undefined;
}

/** The tail of nearly every package; manifests may have 4 MiB. */
const MAX_EMBEDDED_SIZE = 512 * 1024;
/** Every slot, the launcher, the tail, and what may be between any two of them. */
const MAX_LAYERS = 2 * MAX_SLOT_COUNT + 4;

/** A package, and the file that it is in: a platform's signature may stand behind it. */
export interface PackageFile {
  readonly file: RandomAccessSource;
  readonly opened: OpenedPackage;
}

/**
 * Cuts a package file into pieces: the launcher, each slot, and the rest, which
 * in our layout is the tail alone. What lies between two of them and is not
 * just alignment is a piece of its own, so that every file can be restored.
 */
export async function cutPackage(
  { file, opened: { index, slots } }: PackageFile,
): Promise<readonly Piece[]> {
  const named: Piece[] = [
    { kind: "launcher" as const, offset: 0, size: index.launcher.size },
    ...slots.map(({ offset, size, id }) => ({
      kind: "slot" as const,
      offset,
      size,
      id,
    })),
  ].filter(({ size }) => size > 0).sort((a, b) => a.offset - b.offset);
  const pieces: Piece[] = [];
  let end = 0;
  for (const piece of named) {
    // Packages of others may use the same bytes twice.
    if (piece.offset < end) continue;
    if (piece.offset > end && !await isPadding(end, piece.offset, file)) {
      pieces.push({ kind: "bytes", offset: end, size: piece.offset - end });
    }
    pieces.push(piece);
    end = piece.offset + piece.size;
  }
  const start = alignUp(end, ALIGNMENT);
  if (!await isPadding(end, start, file)) {
    pieces.push({ kind: "bytes", offset: end, size: start - end });
  }
  return [...pieces, {
    kind: "tail",
    offset: start,
    size: file.size - start,
  }];
}

async function isPadding(
  from: number,
  to: number,
  file: RandomAccessSource,
): Promise<boolean> {
  if (to !== alignUp(from, ALIGNMENT)) return false;
  return (await file.read(from, to - from)).every((byte) => byte === 0);
}

/** Hashes a piece of a file. */
export async function describePiece(
  file: RandomAccessSource,
  { kind, offset, size, id }: Piece,
  onProgress: (bytes: number) => void,
): Promise<Descriptor> {
  const hash = createSha256();
  for await (const chunk of file.stream(offset, size)) {
    await hash.update(chunk);
    onProgress(chunk.length);
  }
  const isEmbedded = kind === "tail" && size <= MAX_EMBEDDED_SIZE;
  return {
    mediaType: layerType(kind),
    digest: `sha256:${encodeHex(await hash.digest())}`,
    size,
    data: isEmbedded ? encodeBase64(await file.read(offset, size)) : undefined,
    annotations: id === undefined ? undefined : { "vnd.flavor.slot.id": id },
  };
}

/** The manifest of a package; the same package gives the same bytes. */
export async function writeManifest(
  { metadata, metadataJson }: OpenedPackage,
  layers: readonly Descriptor[],
): Promise<{ manifest: Uint8Array<ArrayBuffer>; config: Descriptor }> {
  const { name, version, description } = metadata.package;
  const config = {
    mediaType: CONFIG_TYPE,
    digest: `sha256:${encodeHex(await sha256(metadataJson))}`,
    size: metadataJson.length,
  };
  return {
    config,
    manifest: encode({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: ARTIFACT_TYPE,
      config,
      layers,
      annotations: {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.description": description || undefined,
      },
    }),
  };
}

/** One package of an index. */
export interface IndexEntry {
  /** `<os>_<arch>`. */
  readonly platform: string;
  readonly digest: string;
  readonly size: number;
}

/** The index of a package for several platforms. */
export function writeIndex(
  entries: readonly IndexEntry[],
): Uint8Array<ArrayBuffer> {
  return encode({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    artifactType: ARTIFACT_TYPE,
    manifests: entries.map(({ platform, digest, size }) => {
      const [os, architecture] = platform.split("_");
      return {
        mediaType: MANIFEST_TYPE,
        artifactType: ARTIFACT_TYPE,
        digest,
        size,
        platform: { architecture, os },
      };
    }),
  });
}

function encode(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

type Parsed = Readonly<Record<string, unknown>>;

function parseObject(bytes: Uint8Array): Parsed {
  try {
    const value: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    );
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw notOurs("its manifest is not JSON");
}

function isObject(value: unknown): value is Parsed {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads what an index offers; `undefined` for what is no index. Everything in
 * it comes from somebody else.
 */
export function parseIndex(
  bytes: Uint8Array,
): readonly IndexEntry[] | undefined {
  const { manifests, mediaType } = parseObject(bytes);
  if (manifests === undefined && mediaType !== INDEX_TYPE) return undefined;
  if (!Array.isArray(manifests)) throw notOurs("its index lists nothing");
  return manifests.slice(0, 1000).flatMap((entry: unknown) => {
    if (!isObject(entry) || !isObject(entry["platform"])) return [];
    const { os, architecture } = entry["platform"];
    const { digest, size } = parseDescriptor(entry);
    return [{ platform: `${os}_${architecture}`, digest, size }];
  });
}

/** Reads a manifest: which pieces there are, and where they go. */
export async function parseManifest(
  bytes: Uint8Array,
  digest: string,
): Promise<StoredPackage> {
  const { artifactType, config, layers } = parseObject(bytes);
  const type = artifactType ?? (isObject(config) ? config["mediaType"] : "");
  if (type !== ARTIFACT_TYPE && type !== CONFIG_TYPE) {
    const shown = typeof type === "string" ? type.slice(0, 100) : "";
    throw notOurs(`it holds "${shown}"`);
  }
  if (!Array.isArray(layers) || layers.length > MAX_LAYERS) {
    throw notOurs("its manifest has no layers, or too many");
  }
  let end = 0;
  let isAligned = true;
  const pieces = layers.map((layer: unknown): StoredPiece => {
    const descriptor = parseDescriptor(layer);
    const kind = KINDS.get(descriptor.mediaType);
    if (kind === undefined) throw notOurs("it has layers of another kind");
    const { size } = descriptor;
    // What is no part of ours begins and ends where it does.
    const offset = kind === "bytes" || !isAligned
      ? end
      : alignUp(end, ALIGNMENT);
    isAligned = kind !== "bytes";
    end = offset + size;
    if (!Number.isSafeInteger(end)) throw notOurs("its layers are too large");
    return { kind, offset, size, descriptor };
  });
  const last = pieces.at(-1);
  if (last?.kind !== "tail") throw notOurs("it has no tail");
  const { data } = last.descriptor;
  return {
    digest,
    size: end,
    pieces,
    tail: data === undefined ? undefined : await embedded(last, data),
  };
}

async function embedded(
  { size, descriptor }: StoredPiece,
  data: string,
): Promise<Uint8Array> {
  try {
    const bytes = decodeBase64(data);
    const digest = `sha256:${encodeHex(await sha256(bytes))}`;
    if (bytes.length === size && digest === descriptor.digest) return bytes;
  } catch {
    // Told below.
  }
  throw notOurs("the tail in its manifest is not the one it names");
}

function parseDescriptor(value: unknown): Descriptor {
  const { mediaType, digest, size, data } = isObject(value) ? value : {};
  if (
    typeof mediaType === "string" && typeof digest === "string" &&
    /^sha256:[0-9a-f]{64}$/.test(digest) && Number.isSafeInteger(size) &&
    size as number >= 0
  ) {
    return {
      mediaType,
      digest,
      size: size as number,
      data: typeof data === "string" ? data : undefined,
    };
  }
  throw notOurs("its manifest names something that is not well formed");
}

/** Describes what is in a registry and is not a package. */
export function notOurs(
  problem: string,
  context: Readonly<Record<string, JsonValue>> = {},
): PspfError {
  return new PspfError(
    "format/not-a-package",
    `The registry has no package there: ${problem}`,
    { context, hint: "Packages get there with flavor push" },
  );
}
