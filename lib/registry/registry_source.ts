import { isPspfError, PspfError } from "../errors.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "../io/random_access_source.ts";
import { checkPart, fillBytes, streamFrom } from "../io/stream_from.ts";
import {
  INDEX_TYPE,
  MANIFEST_TYPE,
  notOurs,
  parseIndex,
  parseManifest,
  type StoredPackage,
  type StoredPiece,
} from "./package_manifest.ts";
import { findCredentialsOn } from "./credentials.ts";
import { RegistryClient, type RegistryOptions } from "./registry_client.ts";
import { formatReference, parseReference } from "./reference.ts";

/** Options of {@linkcode openReference}. */
export interface ReferenceOptions extends RegistryOptions {
  /** Which of several platforms is wanted, as `<os>_<arch>`. */
  readonly platform?: string | undefined;
}

/** A package in a registry, read by range where its pieces are. */
export class RegistrySource implements RandomAccessSource {
  readonly name: string;
  /** The manifest and what it names. */
  readonly stored: StoredPackage;
  readonly #client: RegistryClient;

  constructor(name: string, stored: StoredPackage, client: RegistryClient) {
    this.name = name;
    this.stored = stored;
    this.#client = client;
  }

  get size(): number {
    return this.stored.size;
  }

  /** The manifest brings it along. */
  get endSize(): number {
    return this.stored.pieces.at(-1)?.size ?? 0;
  }

  async read(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    return await fillBytes(length, this.#chunks(offset, length, options));
  }

  stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): ReadableStream<Uint8Array> {
    return streamFrom(this.#chunks(offset, length, options));
  }

  /** A whole piece, as the registry has it. */
  piece(piece: StoredPiece): ReadableStream<Uint8Array> {
    return this.#open(piece).stream(0, piece.size);
  }

  async *#chunks(
    offset: number,
    length: number,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    checkPart(this, offset, length);
    const end = offset + length;
    let at = offset;
    for (const piece of this.stored.pieces) {
      const pieceEnd = piece.offset + piece.size;
      if (pieceEnd <= at || at >= end) continue;
      if (piece.offset > at) {
        const zeros = new Uint8Array(Math.min(piece.offset, end) - at);
        at += zeros.length;
        if (zeros.length > 0) yield zeros;
      }
      const most = Math.min(pieceEnd, end) - at;
      if (most <= 0) continue;
      yield* this.#part(piece, at - piece.offset, most, options);
      at += most;
    }
  }

  async *#part(
    piece: StoredPiece,
    from: number,
    length: number,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { tail } = this.stored;
    if (piece.kind === "tail" && tail !== undefined) {
      return yield tail.subarray(from, from + length);
    }
    yield* this.#open(piece).stream(from, length, options);
  }

  #open({ descriptor }: StoredPiece): RandomAccessSource {
    return this.#client.openBlob(descriptor);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Opens a package in a registry: its manifest is read, and, where there are
 * several, the one for a platform.
 */
export async function openReference(
  location: string | URL,
  options: ReferenceOptions = {},
): Promise<RegistrySource> {
  const reference = parseReference(location);
  const client = new RegistryClient(reference, "pull", options);
  const types = [MANIFEST_TYPE, INDEX_TYPE];
  let found = await client.readManifest(reference.version, types);
  const entries = parseIndex(found.bytes);
  if (entries !== undefined) {
    const entry = entries.find(({ platform }) => platform === options.platform);
    if (entry === undefined) {
      throw otherPlatforms(options.platform, entries, String(location));
    }
    found = await client.readManifest(entry.digest, [MANIFEST_TYPE]);
    if (parseIndex(found.bytes) !== undefined) {
      throw notOurs("its index lists another index");
    }
  }
  const stored = await parseManifest(found.bytes, found.digest);
  const name = formatReference(reference, reference.version);
  return new RegistrySource(name, stored, client);
}

function otherPlatforms(
  wanted: string | undefined,
  entries: readonly { readonly platform: string; readonly digest: string }[],
  location: string,
): PspfError {
  const platforms = entries.map(({ platform }) => platform);
  return new PspfError(
    "io/not-found",
    `Cannot open ${location}: it has no package for ${
      wanted ?? "any platform"
    }`,
    {
      context: { platforms },
      hint: platforms.length === 0
        ? "It is for no platform at all"
        : `It has: ${
          entries.map(({ platform, digest }) => `${platform} (@${digest})`)
            .join(", ")
        }; name a digest, or take one with flavor pull --target`,
    },
  );
}

/**
 * Opens a package in a registry with what the machine that the program runs on
 * knows of it: its platform, and the credentials that other tools keep there.
 */
export async function openReferenceHere(
  location: string | URL,
): Promise<RegistrySource> {
  const { loadCredentialHost } = await import("../host/credential_host.ts");
  const host = loadCredentialHost();
  if (host === undefined) return await openReference(location);
  const { platform } = host.machine;
  const find = findCredentialsOn(host);
  return await openReference(location, {
    platform,
    credentials: async (registry, repository) => {
      try {
        return await find(registry, repository);
      } catch (error) {
        // A program that may not look is nobody in particular.
        if (isPspfError(error, "io/denied")) return undefined;
        throw error;
      }
    },
  });
}
