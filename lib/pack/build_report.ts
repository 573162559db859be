/** What became of one slot. */
export interface SlotReport {
  /** Position in the package. */
  readonly index: number;
  /** Name of the slot. */
  readonly id: string;
  /** Source as it is recorded. */
  readonly source: string;
  /** Target as it is recorded. */
  readonly target: string;
  /** The operation chain, like `tar.zst`. */
  readonly operations: string;
  /** Whether the source was encoded already and its bytes were kept. */
  readonly kept: boolean;
  /** Whether the stored bytes came out of the slot cache. */
  readonly cached: boolean;
  /** Permission bits as they are recorded. */
  readonly permissions: number;
  /** Number of files, links not counted. */
  readonly files: number;
  /** Length of these files in bytes. */
  readonly contentSize: number;
  /** Length before compression in bytes. */
  readonly originalSize: number;
  /** Where the stored bytes start in the package. */
  readonly offset: number;
  /** Stored length in bytes. */
  readonly size: number;
  /** SHA-256 of the stored bytes, in hex. */
  readonly digest: string;
}

/** What was built. */
export interface BuildReport {
  /** Length of the package in bytes. */
  readonly packageSize: number;
  /** Length of the launcher in bytes. */
  readonly launcherSize: number;
  /** Length of the compressed metadata in bytes. */
  readonly metadataSize: number;
  /** SHA-256 of the compressed metadata, in hex; names the workenv. */
  readonly metadataDigest: string;
  /** Whether the portable profile was kept. */
  readonly portable: boolean;
  /** SHA-256 of the public key, in hex. */
  readonly keyFingerprint: string;
  /** What became of the slots. */
  readonly slots: readonly SlotReport[];
  /** What is odd, but not wrong: of the manifest and of the build. */
  readonly warnings: readonly string[];
}
