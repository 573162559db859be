import type {
  BuildMetadata,
  CacheValidationMetadata,
  ExecutionMetadata,
  JsonObject,
  PackageInfo,
  RuntimeMetadata,
  WorkenvMetadata,
} from "../format/metadata.ts";
import type { ModeRule } from "../archive/mode_rule.ts";
import type { JsonValue } from "../errors.ts";
import type { OperationChain } from "../format/operations.ts";
import type { SlotPlatform } from "../format/slot_words.ts";

/** One slot to be built. */
export interface SlotSpec {
  /** Name of the slot, unique in the package; never a path. */
  readonly id: string;
  /** Where the content is: the manifest's own text. */
  readonly source: string;
  /** Globs of a directory source; everything when empty. */
  readonly include: readonly string[];
  /** Globs of a directory source that are left out. */
  readonly exclude: readonly string[];
  /** Path below the workenv, `/`-separated; empty for the workenv itself. */
  readonly target: string;
  /** What is done to the bytes; chosen by the builder when absent. */
  readonly operations?: OperationChain | undefined;
  /** Compression level; the codec's default when absent. */
  readonly level?: number | undefined;
  /** What the slot is for; unknown words are kept. */
  readonly purpose: string;
  /** When it is extracted; unknown words are kept. */
  readonly lifecycle: string;
  /** Which permission bits of the source are kept. */
  readonly modes: ModeRule;
  /** Mode of a single file; follows from the source's when absent. */
  readonly permissions?: number | undefined;
  /** Where the slot is used. */
  readonly platform: SlotPlatform;
  /** Priority byte; 128 when absent. No launcher acts on it. */
  readonly priority?: number | undefined;
  /** When the source is resolved; kept, without effect. */
  readonly resolution: string;
}

/** Everything that a package will hold, before any file is looked at. */
export interface BuildPlan {
  /** What to call the manifest in messages. */
  readonly name: string;
  /** Whose words and defaults count: JSON is that of the existing builders. */
  readonly format: "toml" | "json";
  /** Version of the metadata document; `1.0.0` when absent. */
  readonly formatVersion?: string | undefined;
  /** Who the package is. */
  readonly package: PackageInfo;
  /** Its slots, in order. */
  readonly slots: readonly SlotSpec[];
  /** How it is started. */
  readonly execution: ExecutionMetadata;
  /** Rules for the inherited environment. */
  readonly runtime?: RuntimeMetadata | undefined;
  /** Directories and environment of the workenv. */
  readonly workenv?: WorkenvMetadata | undefined;
  /** What runs once after extraction. */
  readonly setupCommands: readonly JsonValue[];
  /** A check of the extracted workenv. */
  readonly cacheValidation?: CacheValidationMetadata | undefined;
  /** What it says about how it was built; the rest is the builder's. */
  readonly build?: Partial<BuildMetadata> | undefined;
  /** Sections of the application's own. */
  readonly custom?: JsonObject | undefined;
  /** The launcher that the manifest asks for. */
  readonly launcher?: string | undefined;
  /** Whether the manifest asks for the portable profile. */
  readonly portable: boolean;
  /** What is odd, but not wrong. */
  readonly warnings: readonly string[];
}
