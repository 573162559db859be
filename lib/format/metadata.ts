import type { JsonValue } from "../errors.ts";
import type { FrameTable } from "./frames.ts";
import type { SlotLifecycleName, SlotPurposeName } from "./slot_words.ts";

/** An object of JSON values, by key. */
export type JsonObject = Readonly<Record<string, JsonValue>>;

/** Texts by name: environment variables. */
export type StringMap = Readonly<Record<string, string>>;

/** Who the package is. */
export interface PackageInfo {
  /** Name of the application. */
  readonly name: string;
  /** Version of the application. */
  readonly version: string;
  /** One line about it. */
  readonly description?: string | undefined;
}

/** What the metadata says about a slot. */
export interface SlotMetadata {
  /** Index in the slot table, from 0. */
  readonly slot: number;
  /** Name of the slot, unique in the package; never a path. */
  readonly id: string;
  /** Where the content came from, for people. */
  readonly source: string;
  /** Where the content goes below the workenv. */
  readonly target: string;
  /** Stored length in bytes; Python's builder writes the source's. */
  readonly size: number;
  /** `sha256:` and 64 hex digits over the stored bytes; empty for `selfRef`. */
  readonly checksum: string;
  /** The operation chain as the builder spelled it. */
  readonly operations: string;
  /** What the slot is for. */
  readonly purpose: SlotPurposeName;
  /** When it is extracted. */
  readonly lifecycle: SlotLifecycleName;
  /** Octal permission bits. */
  readonly permissions?: string | undefined;
  /** When the source was resolved; always `build` in practice. */
  readonly resolution?: string | undefined;
  /** Whether the slot stands for the package file itself and has no bytes. */
  readonly selfRef?: boolean | undefined;
  /** Where its frames are; absent where it has only one. */
  readonly frames?: FrameTable | undefined;
}

/** How the application is started. */
export interface ExecutionMetadata {
  /** Index of the slot that `{primary}` means. */
  readonly primarySlot: number;
  /** The command line, split like a shell does. */
  readonly command: string;
  /** The command, already split; wins over `command`. */
  readonly argv?: readonly string[] | undefined;
  /** Arguments before those of the user. */
  readonly args?: readonly string[] | undefined;
  /** Working directory, usually `{workenv}`; the caller's when absent. */
  readonly cwd?: string | undefined;
  /** Environment variables; stored as `env` and as `environment`. */
  readonly env: StringMap;
}

/** What the builder demands of readers. */
export interface VerificationMetadata {
  /** The metadata signature. */
  readonly integritySeal: {
    /** Whether it is required. */
    readonly required: boolean;
    /** `ed25519`; the Go builder writes something else and means it. */
    readonly algorithm: string;
  };
  /** Whether the package is signed. */
  readonly signed: boolean;
  /** Whether it must be verified. */
  readonly requireVerification: boolean;
  /** Kept as it is. */
  readonly trustSignatures?: JsonValue | undefined;
}

/** How the package was built. */
export interface BuildMetadata {
  /** Name of the builder. */
  readonly tool: string;
  /** Version of the builder. */
  readonly toolVersion: string;
  /** ISO 8601 time. */
  readonly timestamp: string;
  /** Whether the same input gives the same bytes. */
  readonly deterministic: boolean;
  /** What it was built for. */
  readonly platform: {
    /** `linux`, `darwin`, `windows` or `any`. */
    readonly os: string;
    /** `amd64`, `arm64` or `any`. */
    readonly arch: string;
    /** Free text. */
    readonly host: string;
  };
  /** Keys of the builder's own, kept as they are. */
  readonly extra?: JsonObject | undefined;
}

/** What stands at the front of the package. */
export interface LauncherMetadata {
  /** Name of the launcher. */
  readonly tool: string;
  /** Its version. */
  readonly toolVersion: string;
  /** `sha256:` and 64 hex digits over its sources, where it names them. */
  readonly source?: string | undefined;
  /** Length in bytes. */
  readonly size: number;
  /** `sha256:` and 64 hex digits; Python's builder repeats the prefix. */
  readonly checksum: string;
  /** What it can do. */
  readonly capabilities: readonly string[];
}

/** What a reader needs. */
export interface CompatibilityMetadata {
  /** Oldest format version that can read it. */
  readonly minFormatVersion: string;
  /** Features used. */
  readonly features: readonly string[];
}

/** A check that decides whether an extracted workenv is still good. */
export interface CacheValidationMetadata {
  /** A file in the workenv. */
  readonly checkFile: string;
  /** What it has to contain. */
  readonly expectedContent: string;
}

/** A directory to create in the workenv. */
export interface WorkenvDirectory {
  /** Path, usually beginning with `{workenv}/`. */
  readonly path: string;
  /** Octal permission bits. */
  readonly mode?: string | undefined;
}

/** How the workenv is prepared. */
export interface WorkenvMetadata {
  /** Directories to create. */
  readonly directories: readonly WorkenvDirectory[];
  /** Environment variables; placeholders are expanded. */
  readonly env: StringMap;
  /** Octal umask of setup commands and the application; inherited when absent. */
  readonly umask?: string | undefined;
}

/** What happens to the inherited environment. */
export interface RuntimeEnvironment {
  /** Names or patterns to keep; everything else goes. */
  readonly pass?: readonly string[] | undefined;
  /** Names or patterns to remove. */
  readonly unset?: readonly string[] | undefined;
  /** New names for variables, by old name. */
  readonly map?: StringMap | undefined;
  /** Variables to set. */
  readonly set?: StringMap | undefined;
}

/** Settings of the running application. */
export interface RuntimeMetadata {
  /** Changes to the environment. */
  readonly env: RuntimeEnvironment;
}

/** The signed metadata document of a package. */
export interface PackageMetadata {
  /** `PSPF/2025`. */
  readonly format: string;
  /** Version of the document, `1.0.0`; the Go builder leaves it empty. */
  readonly formatVersion: string;
  /** Who the package is. */
  readonly package: PackageInfo;
  /** Its slots, in the order of the slot table. */
  readonly slots: readonly SlotMetadata[];
  /** How it is started. */
  readonly execution: ExecutionMetadata;
  /** What the builder demands of readers. */
  readonly verification?: VerificationMetadata | undefined;
  /** How it was built. */
  readonly build?: BuildMetadata | undefined;
  /** Its launcher. */
  readonly launcher?: LauncherMetadata | undefined;
  /** What a reader needs. */
  readonly compatibility?: CompatibilityMetadata | undefined;
  /** A check of the extracted workenv. */
  readonly cacheValidation?: CacheValidationMetadata | undefined;
  /** Settings of the running application. */
  readonly runtime?: RuntimeMetadata | undefined;
  /** How the workenv is prepared. */
  readonly workenv?: WorkenvMetadata | undefined;
  /** Commands that run once after extraction. */
  readonly setupCommands: readonly JsonValue[];
  /** Sections of the application's own, kept as they are. */
  readonly custom?: JsonObject | undefined;
}
