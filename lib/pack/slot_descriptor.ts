import type { OperationCode } from "../format/operation.ts";
import type { OperationChain } from "../format/operation_chain.ts";
import type { SlotLifecycleName } from "../format/slot_lifecycle.ts";
import type { SlotPurposeName } from "../format/slot_purpose.ts";
import type { ModeRule } from "../archive/mode_rule.ts";
import type { SlotPlatform } from "../manifest/build_plan.ts";

/**
 * A slot in the words of a program. The 64 bytes that a package stores are the
 * `SlotDescriptor` of `@flavor/pspf/format`.
 *
 * `id`, `offset`, `size` and `checksum` are decided by the build. Where they
 * are given they are expectations: the build fails when the slot comes out
 * differently, which pins a slot to the bytes of an earlier build.
 */
export interface SlotDescriptor {
  /** Position in the package, from 0; checked, never chosen. */
  readonly id?: number;
  /** Name of the slot, unique in the package. */
  readonly name: string;
  /** Where the stored bytes start in the package. */
  readonly offset?: number;
  /** Stored length in bytes. */
  readonly size?: number;
  /** SHA-256 of the stored bytes, 64 hex digits, with or without `sha256:`. */
  readonly checksum?: string;
  /**
   * What is done to the bytes: a chain, its packed form, its name (`tar.gz`) or
   * its codes. By default `tar.zst` for directories, `zstd` for files over
   * 4 KiB, else nothing; gzip in the portable profile.
   */
  readonly operations?:
    | OperationChain
    | bigint
    | string
    | readonly OperationCode[];
  /** Compression level, 1 to 22. */
  readonly level?: number;
  /**
   * What it is for.
   *
   * @default {"data"}
   */
  readonly purpose?: SlotPurposeName;
  /**
   * When it is extracted.
   *
   * @default {"runtime"}
   */
  readonly lifecycle?: SlotLifecycleName;
  /**
   * Priority byte, 0 to 255; no launcher acts on it.
   *
   * @default {128}
   */
  readonly priority?: number;
  /**
   * Where the slot is used.
   *
   * @default {"any"}
   */
  readonly platform?: SlotPlatform;
  /**
   * Mode of a single file as a number (`0o755`) or octal digits; by default
   * what `modes` makes of the source's.
   */
  readonly permissions?: number | string;
  /**
   * Which permission bits of a source are kept: those of the owner, from which
   * the others follow, or all.
   *
   * @default {"owner"}
   */
  readonly modes?: ModeRule;
  /** Path below the workenv; the name of the slot by default. */
  readonly target?: string;
  /** Globs of what is taken from a directory; everything by default. */
  readonly include?: readonly string[];
  /** Globs of what is left out of a directory. */
  readonly exclude?: readonly string[];
}

/** A slot as it lies in a package that was built. */
export interface BuiltSlotDescriptor extends SlotDescriptor {
  /** Position in the package, from 0. */
  readonly id: number;
  /** Where the stored bytes start in the package. */
  readonly offset: number;
  /** Stored length in bytes. */
  readonly size: number;
  /** `sha256:` and 64 hex digits over the stored bytes. */
  readonly checksum: string;
  /** What was done to the bytes. */
  readonly operations: OperationChain;
  /** Length before compression in bytes. */
  readonly originalSize: number;
  /** What it is for. */
  readonly purpose: SlotPurposeName;
  /** When it is extracted. */
  readonly lifecycle: SlotLifecycleName;
  /** Priority byte. */
  readonly priority: number;
  /** Where the slot is used. */
  readonly platform: SlotPlatform;
  /** Permission bits. */
  readonly permissions: number;
  /** Target as it is recorded. */
  readonly target: string;
}
