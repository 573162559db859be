import type { ModeRule } from "../archive/mode_rule.ts";
import { type JsonValue, PspfError } from "../errors.ts";
import type {
  BuildMetadata,
  CacheValidationMetadata,
  JsonObject,
  RuntimeMetadata,
  StringMap,
  WorkenvDirectory,
} from "../format/metadata.ts";
import { OperationChain, type OperationCode } from "../format/operations.ts";
import {
  formatPermissions,
  type SlotLifecycleName,
  type SlotPlatform,
  type SlotPurposeName,
} from "../format/slot_words.ts";
import type { FileTree } from "../io/file_tree.ts";
import { pathOf } from "../io/open_source.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import {
  type ManifestProblem,
  memberPath,
} from "../manifest/check_document.ts";
import { planManifest } from "../manifest/plan_manifest.ts";

/**
 * A slot in the words of a program. The 64 bytes that a package stores are the
 * `SlotDescriptor` of `@flavor/pspf/format`.
 *
 * `id`, `offset`, `size` and `checksum` are decided by the build: 0 and an empty
 * checksum mean the same. Anything else is an expectation, and the build
 * fails when the slot comes out differently, which pins a slot to the bytes of
 * an earlier build.
 */
export interface SlotDescriptor {
  /** Position in the package, from 0; checked, never chosen. */
  readonly id?: number | undefined;
  /** Name of the slot, unique in the package. */
  readonly name: string;
  /** Where the stored bytes start in the package. */
  readonly offset?: number | undefined;
  /** Stored length in bytes. */
  readonly size?: number | undefined;
  /** SHA-256 of the stored bytes: 32 bytes, or 64 hex digits with or without `sha256:`. */
  readonly checksum?: string | Uint8Array | undefined;
  /**
   * What is done to the bytes: a chain, its packed form, its name (`tar.gz`) or
   * its codes. By default `tar.zst` for directories, `zstd` for files over
   * 4 KiB, else nothing; gzip in the portable profile.
   */
  readonly operations?:
    | OperationChain
    | bigint
    | string
    | readonly OperationCode[]
    | undefined;
  /** Compression level, 1 to 22. */
  readonly level?: number | undefined;
  /**
   * What it is for.
   *
   * @default {"data"}
   */
  readonly purpose?: SlotPurposeName | undefined;
  /**
   * When it is extracted.
   *
   * @default {"runtime"}
   */
  readonly lifecycle?: SlotLifecycleName | undefined;
  /**
   * Priority byte, 0 to 255; no launcher acts on it.
   *
   * @default {128}
   */
  readonly priority?: number | undefined;
  /**
   * Where the slot is used.
   *
   * @default {"any"}
   */
  readonly platform?: SlotPlatform | undefined;
  /**
   * Mode of a single file as a number (`0o755`) or octal digits; by default
   * what `modes` makes of the source's.
   */
  readonly permissions?: number | string | undefined;
  /**
   * Which permission bits of a source are kept: those of the owner, from which
   * the others follow, or all.
   *
   * @default {"owner"}
   */
  readonly modes?: ModeRule | undefined;
  /** Path below the workenv; the name of the slot by default. */
  readonly target?: string | undefined;
  /** Globs of what is taken from a directory; everything by default. */
  readonly include?: readonly string[] | undefined;
  /** Globs of what is left out of a directory. */
  readonly exclude?: readonly string[] | undefined;
}

/**
 * The content of a slot: bytes, a `Blob`, a stream, anything that can be read
 * at an offset, a tree of files, or the path or `file:` URL of a file or
 * directory. A string is always a path; encode a text with `TextEncoder`.
 */
export type SlotData =
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array>
  | RandomAccessSource
  | FileTree
  | string
  | URL;

/** How a package is started, in the words of a program. */
export interface BuilderExecution {
  /** The command line, split like a shell does. */
  readonly command?: string | undefined;
  /** The command, split already; wins over `command`. */
  readonly argv?: readonly string[] | undefined;
  /** Arguments before those of the user. */
  readonly args?: readonly string[] | undefined;
  /** Working directory: `{workenv}` or below it; the user's when absent. */
  readonly cwd?: string | undefined;
  /** Environment variables of the application. */
  readonly env?: StringMap | undefined;
  /** Index or name of the slot that `{primary}` means. */
  readonly primarySlot?: number | string | undefined;
}

/** What a package says about itself, besides its slots. */
export interface BuilderMetadata {
  /** Version of the metadata document; `1.0.0` by default. */
  readonly format_version?: string | undefined;
  /** Name, version and description; as the methods and `description` set them. */
  readonly package?: {
    readonly name?: string | undefined;
    readonly version?: string | undefined;
    readonly description?: string | undefined;
  } | undefined;
  /** One line about the application. */
  readonly description?: string | undefined;
  /** How it is started; a package without it can be read, but not started. */
  readonly execution?: BuilderExecution | undefined;
  /** What happens to the inherited environment. */
  readonly runtime?: RuntimeMetadata | undefined;
  /** Directories and environment of the workenv. */
  readonly workenv?: {
    /** Directories to create, as paths or with a mode. */
    readonly directories?: readonly (string | WorkenvDirectory)[] | undefined;
    /** Environment variables that hold paths of the workenv. */
    readonly env?: StringMap | undefined;
    /** Octal umask of setup commands and the application. */
    readonly umask?: string | undefined;
  } | undefined;
  /** What runs once after extraction: command lines, or objects with a type. */
  readonly setupCommands?: readonly (string | JsonObject)[] | undefined;
  /** A check of the extracted workenv. */
  readonly cacheValidation?: CacheValidationMetadata | undefined;
  /**
   * How the package was built: `timestamp`, `platform` (`linux_amd64`) and keys
   * of your own. What you leave out is decided by the build.
   */
  readonly build?: Readonly<Record<string, JsonValue | undefined>> | undefined;
  /** Sections of your own: any JSON, kept as it is. */
  readonly custom?: JsonObject | undefined;
}

/** A slot that a builder was given. */
export interface BuilderSlot {
  readonly descriptor: SlotDescriptor;
  readonly data: SlotData;
}

/** Everything that a builder was told about a package. */
export interface BuilderState {
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly metadata: BuilderMetadata;
  readonly slots: readonly BuilderSlot[];
  readonly portable: boolean;
}

const MAX_PRIORITY = 255;

/** Deeper than any reader of packages goes, and than any cycle is wanted. */
const MAX_DEPTH = 60;

/** Sections of metadata that are sections of a manifest, and their names there. */
const SECTIONS: Readonly<Record<string, string>> = {
  execution: "execution",
  runtime: "runtime",
  workenv: "workenv",
  setupCommands: "setup_commands",
  cacheValidation: "cache_validation",
  custom: "custom",
};

/** Keys inside sections that a manifest spells otherwise. */
const KEYS: Readonly<Record<string, string>> = {
  primarySlot: "primary_slot",
  checkFile: "check_file",
  expectedContent: "expected_content",
};

/**
 * Turns what a builder was told into a plan, checked by the same rules as a
 * manifest.
 */
export function planFromBuilder(state: BuilderState): BuildPlan {
  const problems: ManifestProblem[] = [];
  const { metadata } = state;
  const sections = sectionsOf(metadata, problems);
  const { name = state.name, version = state.version } = metadata.package ?? {};
  const description = metadata.package?.description ?? metadata.description;
  const { execution = {} } = sections as { execution?: JsonObject };
  const isStarted = "command" in execution || "argv" in execution;
  const build = buildOf(metadata.build ?? {}, problems);
  const document = {
    package: defined({ name, version, description }),
    slots: state.slots.map((slot, index) =>
      describe(slot, `slots[${index}]`, problems)
    ),
    build: { portable: state.portable },
    ...sections,
    // A manifest has to say what is started; a program need not.
    execution: isStarted ? execution : { ...execution, command: "-" },
  };
  const plan = inBuilderWords(() =>
    planManifest(document, {
      format: "toml",
      name: "the builder's configuration",
      problems,
    })
  );
  return {
    ...plan,
    execution: isStarted ? plan.execution : { ...plan.execution, command: "" },
    formatVersion: metadata.format_version,
    build,
    slots: plan.slots.map((slot, index) => ({
      ...slot,
      priority: state.slots[index]?.descriptor.priority,
    })),
  };
}

function sectionsOf(
  metadata: BuilderMetadata,
  problems: ManifestProblem[],
): Readonly<Record<string, JsonValue>> {
  const sections: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(metadata)) {
    if (value === undefined) continue;
    const before = problems.length;
    checkJson(value, key, 0, problems);
    if (problems.length > before || OWN_KEYS.has(key)) continue;
    const name = SECTIONS[key];
    if (name === undefined) {
      problems.push({
        path: memberPath("metadata", key),
        message: 'is not known; sections of your own go below "custom"',
      });
    } else sections.push([name, key === "custom" ? value : rename(value)]);
  }
  return Object.fromEntries(sections);
}

/** Keys that are not sections of a manifest. */
const OWN_KEYS: ReadonlySet<string> = new Set([
  "format_version",
  "package",
  "description",
  "build",
]);

function rename(value: JsonValue): JsonValue {
  if (!isTable(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => [
        Object.hasOwn(KEYS, key) ? KEYS[key] : key,
        member,
      ]),
  ) as JsonValue;
}

/** `platform` may be a name, and every other key is kept. */
function buildOf(
  given: Readonly<Record<string, JsonValue | undefined>>,
  problems: ManifestProblem[],
): Partial<BuildMetadata> {
  const { tool, tool_version, timestamp, deterministic, platform, ...extra } =
    given;
  const report = (key: string, expected: string): void => {
    problems.push({ path: `build.${key}`, message: `is not ${expected}` });
  };
  for (
    const [key, value] of Object.entries({ tool, tool_version, timestamp })
  ) {
    if (value !== undefined && typeof value !== "string") {
      report(
        key,
        "a string",
      );
    }
  }
  if (deterministic !== undefined && typeof deterministic !== "boolean") {
    report("deterministic", "true or false");
  }
  const [, os, arch] = typeof platform === "string"
    ? /^([^_]+)_(.+)$/.exec(platform) ?? []
    : [];
  const place = isTable(platform)
    ? platform as { os?: string; arch?: string; host?: string }
    : { os, arch };
  if (platform !== undefined && place.os === undefined) {
    report("platform", "a platform like linux_amd64");
  }
  return defined({
    tool,
    toolVersion: tool_version,
    timestamp,
    deterministic,
    platform: platform === undefined ? undefined : {
      os: place.os ?? "any",
      arch: place.arch ?? "any",
      host: "host" in place ? place.host ?? "any" : "any",
    },
    extra: Object.keys(defined(extra)).length === 0
      ? undefined
      : defined(extra),
  }) as Partial<BuildMetadata>;
}

function describe(
  { descriptor, data }: BuilderSlot,
  at: string,
  problems: ManifestProblem[],
): object {
  const report = (key: string, message: string): void => {
    problems.push({ path: `${at}.${key}`, message });
  };
  const { id, name, level, purpose, lifecycle, platform } = descriptor;
  const { include, exclude, priority, modes, permissions } = descriptor;
  const isData = isSlotData(data);
  if (!isData) {
    report(
      "data",
      "cannot be packed; give bytes, a Blob, a stream, or the path of a file or directory",
    );
  }
  if (
    priority !== undefined &&
    !(Number.isInteger(priority) && priority >= 0 && priority <= MAX_PRIORITY)
  ) report("priority", `is ${priority}, expected 0 to ${MAX_PRIORITY}`);
  const chain = chainOf(descriptor, (message) => report("operations", message));
  const path = isData ? slotDataPath(data) : undefined;
  // An archive that is at hand is unpacked into the workenv, wherever it says.
  const isArchive = path === undefined && data instanceof Object &&
    !("entries" in data) && chain?.isArchive === true;
  return defined({
    slot: id,
    id: name,
    source: path ?? name,
    target: descriptor.target ?? (isArchive ? "" : name),
    operations: chain?.toString(),
    level,
    purpose,
    lifecycle,
    platform,
    include,
    exclude,
    modes,
    permissions: typeof permissions === "number"
      ? octal(permissions, (message) => report("permissions", message))
      : permissions,
  });
}

function chainOf(
  { operations }: SlotDescriptor,
  report: (message: string) => void,
): OperationChain | undefined {
  try {
    if (operations === undefined) return undefined;
    if (typeof operations === "bigint") {
      return OperationChain.decode(operations);
    }
    if (typeof operations === "string") return OperationChain.parse(operations);
    return new OperationChain(operations);
  } catch (error) {
    if (!(error instanceof PspfError)) throw error;
    report(`is not valid: ${error.message}`);
    return undefined;
  }
}

function octal(
  bits: number,
  report: (message: string) => void,
): string | undefined {
  if (Number.isInteger(bits) && bits > 0 && bits <= 0o777) {
    return formatPermissions(bits);
  }
  report(`is ${bits}, expected a mode from 0o001 to 0o777`);
  return undefined;
}

/** The path that data stands for; `undefined` for content that is at hand. */
export function slotDataPath(data: SlotData): string | undefined {
  return typeof data === "string" || data instanceof URL
    ? pathOf(data)
    : undefined;
}

/** A caller without types may pass anything. */
function isSlotData(data: unknown): data is SlotData {
  if (typeof data === "string") return data !== "";
  if (typeof data !== "object" || data === null) return false;
  if (data instanceof URL) return data.protocol === "file:";
  return data instanceof Uint8Array || data instanceof Blob ||
    data instanceof ReadableStream || isFileTree(data) ||
    ("stream" in data && "read" in data && "size" in data);
}

/** Whether data is a tree of files. */
export function isFileTree(data: object): data is FileTree {
  return "entries" in data && "readFile" in data;
}

/** Programs can pass what no file can hold: functions, dates, cycles. */
function checkJson(
  value: unknown,
  path: string,
  depth: number,
  problems: ManifestProblem[],
): void {
  if (depth > MAX_DEPTH) {
    problems.push({ path, message: `is nested more than ${MAX_DEPTH} deep` });
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      checkJson(item, `${path}[${index}]`, depth + 1, problems);
    }
  } else if (isTable(value)) {
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined) continue;
      checkJson(member, memberPath(path, key), depth + 1, problems);
    }
  } else if (!isPlain(value)) {
    problems.push({
      path,
      message: `is ${nameOf(value)}, which JSON cannot hold`,
    });
  }
}

function isPlain(value: unknown): boolean {
  return value === null || typeof value === "string" ||
    typeof value === "boolean" ||
    (typeof value === "number" && Number.isFinite(value));
}

function nameOf(value: unknown): string {
  if (typeof value === "number") return `${value}`;
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  return `a ${value.constructor?.name ?? "special object"}`;
}

function isTable(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function defined(
  members: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  );
}

/**
 * Merges metadata into metadata: tables by key at every depth, everything else
 * as a whole.
 */
export function mergeMetadata<T>(base: T, added: T): T {
  if (!isTable(base) || !isTable(added)) return added;
  const merged = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(added)) {
    if (value === undefined) continue;
    const before = merged.get(key);
    merged.set(
      key,
      before === undefined ? value : mergeMetadata(before, value),
    );
  }
  // Entries, not assignments: a key may be called __proto__.
  return Object.fromEntries(merged) as T;
}

/** Paths of a manifest, and what programs know them as. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^(slots\[\d+\])\.id$/, "$1.name"],
  [/^(slots\[\d+\])\.slot$/, "$1.id"],
  [/^(slots\[\d+\])\.source$/, "$1 data"],
  [/^package\.(name|version)$/, "$1"],
  [/^package\.description$/, "metadata.description"],
  [/^execution\.primary_slot$/, "metadata.execution.primarySlot"],
  [/^setup_commands/, "metadata.setupCommands"],
  [/^cache_validation\.check_file$/, "metadata.cacheValidation.checkFile"],
  [
    /^cache_validation\.expected_content$/,
    "metadata.cacheValidation.expectedContent",
  ],
  [/^(execution|runtime|workenv|build|custom)\b/, "metadata.$1"],
];

function inBuilderWords<T>(plan: () => T): T {
  try {
    return plan();
  } catch (error) {
    if (!(error instanceof PspfError)) throw error;
    const given =
      (error.context.problems ?? []) as unknown as readonly ManifestProblem[];
    const problems = given.map(({ path, message }) => {
      const word = WORDS.find(([regExp]) => regExp.test(path));
      const named = word === undefined ? path : path.replace(...word);
      return { path: named, message: message.replace(/; for example .*$/, "") };
    });
    const lines = problems.map(({ path, message }) => `${path} ${message}`);
    const count = lines.length === 1 ? "1 problem" : `${lines.length} problems`;
    throw new PspfError(
      error.code,
      `Cannot build the package: ${count}\n  ${lines.join("\n  ")}`,
      {
        context: { problems },
        hint: "See docs/library.md for what a builder takes",
        cause: error,
      },
    );
  }
}
