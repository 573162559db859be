import type { KeyPair } from "../crypto/ed25519.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { SpoolFactory } from "../io/spool.ts";
import type { SlotCache } from "./slot_cache.ts";
import type { SlotSourceOpener } from "./slot_source.ts";

/** How far a build has come. */
export interface BuildProgress {
  /**
   * `pack` reads and encodes the sources, `write` puts the file together, and
   * `verify` reads back a package that was written to a path.
   */
  readonly stage: "pack" | "write" | "verify";
  /** Id of the slot that is being packed. */
  readonly slot?: string;
  /** Bytes done in this stage. */
  readonly completed: number;
  /** Bytes to do in this stage. */
  readonly total: number;
}

/** What a build needs besides its plan. */
export interface BuildOptions {
  /** The program at the front of the package; not closed. */
  readonly launcher: RandomAccessSource;
  /** Signs the package. */
  readonly keyPair: KeyPair;
  /** Finds sources. */
  readonly openSource: SlotSourceOpener;
  /** Makes scratch space for encoded slots. */
  readonly createSpool: SpoolFactory;
  /**
   * How many blocks are compressed at once; never changes the output.
   *
   * @default {1}
   */
  readonly jobs?: number;
  /**
   * Keeps to what the existing launchers can start. By default so if the plan
   * asks for it, or the launcher is not ours.
   */
  readonly portable?: boolean;
  /**
   * Time of the build and of archive entries, in seconds since 1970.
   *
   * @default {0}
   */
  readonly sourceDateEpoch?: number;
  /** What the launcher runs on; only recorded. */
  readonly target?: {
    /** `linux`, `darwin` or `windows`. */
    readonly os: string;
    /** `amd64` or `arm64`. */
    readonly arch: string;
  };
  /** Keeps compressed slots for the next build; never changes the output. */
  readonly slotCache?: SlotCache;
  /** Called for every chunk; keep it cheap. */
  readonly onProgress?: (progress: BuildProgress) => void;
  /** Stops the build; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal;
}
