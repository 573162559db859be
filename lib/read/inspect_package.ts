import { encodeHex } from "@std/encoding/hex";
import { keyFingerprint } from "../crypto/sha256.ts";
import type { ExecutionMetadata, PackageInfo } from "../format/metadata.ts";
import { formatPermissions } from "../format/slot_words.ts";
import { openSource, type SourceInput } from "../io/open_source.ts";
import type { VerifyCheck } from "./check_log.ts";
import type { PlatformSignature } from "./find_package.ts";
import { type OpenOptions, openPackage } from "./open_package.ts";

/** One slot in a {@linkcode PackageSummary}; sizes in bytes. */
export interface SlotSummary {
  /** Index in the slot table. */
  readonly index: number;
  /** Name of the slot. */
  readonly id: string;
  /** Where its content goes. */
  readonly target: string;
  /** Where the content came from. */
  readonly source: string;
  /** The operation chain, `tar.gz` for example. */
  readonly operations: string;
  /** Where it starts in the file. */
  readonly offset: number;
  /** Stored length. */
  readonly size: number;
  /** Length before compression as recorded; not every builder tells the truth. */
  readonly originalSize: number;
  /** Stored by recorded length; 1 for an empty slot. */
  readonly ratio: number;
  /** What it is for. */
  readonly purpose: string;
  /** When it is extracted. */
  readonly lifecycle: string;
  /** Octal permission bits. */
  readonly permissions: string;
  /** Checksum of the stored bytes. */
  readonly checksum: string;
}

/** What is inside of a package, as plain values; sizes in bytes. */
export interface PackageSummary {
  /** Path or URL of the file. */
  readonly name: string;
  /** Length of the file. */
  readonly size: number;
  /** Who the package is. */
  readonly package: PackageInfo;
  /** Whether it carries a seal. */
  readonly sealed: boolean;
  /** SHA-256 of the public key that signs it. */
  readonly fingerprint: string;
  /** The public key, 64 hex digits. */
  readonly publicKey: string;
  /** SHA-256 of the stored metadata: the identity of the package. */
  readonly metadataSha256: string;
  /** Length of the launcher. */
  readonly launcherSize: number;
  /** Length of the metadata, stored and plain. */
  readonly metadataSize: { readonly stored: number; readonly plain: number };
  /** Its slots. */
  readonly slots: readonly SlotSummary[];
  /** How it is started. */
  readonly execution: ExecutionMetadata;
  /** Builder and its version. */
  readonly builder?: string;
  /** Launcher and its version. */
  readonly launcher?: string;
  /** When it was built, ISO 8601. */
  readonly timestamp?: string;
  /** A signature of the platform behind the package; not judged here. */
  readonly platformSignature?: PlatformSignature | undefined;
  /** Verdicts of opening it. */
  readonly checks: readonly VerifyCheck[];
}

/**
 * Summarizes a package for people and for `--json`.
 *
 * @param input The package: path, URL, bytes, blob or source.
 * @param options As for `openPackage`.
 * @returns What is inside.
 * @throws {PspfError} As `openPackage` does.
 *
 * @example Not a package
 * ```ts
 * import { inspectPackage } from "@flavor/pspf/read";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => inspectPackage(new Uint8Array()));
 * ```
 */
export async function inspectPackage(
  input: SourceInput,
  options: OpenOptions = {},
): Promise<PackageSummary> {
  await using source = await openSource(input);
  const opened = await openPackage(source, options);
  const { index, metadata } = opened;
  const { publicKey, metadataDigest } = index.fields;
  const { build, launcher } = metadata;
  return {
    name: source.name,
    size: source.size,
    package: metadata.package,
    sealed: opened.seal !== undefined,
    fingerprint: await keyFingerprint(publicKey),
    publicKey: encodeHex(publicKey),
    metadataSha256: encodeHex(metadataDigest),
    launcherSize: index.launcher.size,
    metadataSize: {
      stored: index.metadata.size,
      plain: opened.metadataJson.length,
    },
    slots: opened.slots.map((slot) => {
      const originalSize = Number(slot.descriptor.originalSize);
      return {
        index: slot.index,
        id: slot.id,
        target: slot.metadata.target,
        source: slot.metadata.source,
        operations: slot.operations.toString(),
        offset: slot.offset,
        size: slot.size,
        originalSize,
        ratio: originalSize === 0 ? 1 : slot.size / originalSize,
        purpose: slot.metadata.purpose,
        lifecycle: slot.metadata.lifecycle,
        permissions: formatPermissions(slot.permissions),
        checksum: slot.metadata.checksum,
      };
    }),
    execution: metadata.execution,
    ...(build && { builder: `${build.tool} ${build.toolVersion}`.trim() }),
    ...(launcher &&
      { launcher: `${launcher.tool} ${launcher.toolVersion}`.trim() }),
    ...(build && { timestamp: build.timestamp }),
    platformSignature: opened.platformSignature,
    checks: opened.checks,
  };
}
