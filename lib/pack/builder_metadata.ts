import type { JsonValue } from "../errors.ts";
import type {
  CacheValidationMetadata,
  JsonObject,
  RuntimeMetadata,
  StringMap,
  WorkenvDirectory,
} from "../format/metadata.ts";
import { memberPath } from "../manifest/check_document.ts";
import type { ManifestProblem } from "../manifest/check_document.ts";

/** How a package is started, in the words of a program. */
export interface BuilderExecution {
  /** The command line, split like a shell does. */
  readonly command?: string;
  /** The command, split already; wins over `command`. */
  readonly argv?: readonly string[];
  /** Arguments before those of the user. */
  readonly args?: readonly string[];
  /** Working directory: `{workenv}` or below it; the user's when absent. */
  readonly cwd?: string;
  /** Environment variables of the application. */
  readonly env?: StringMap;
  /** Index or name of the slot that `{primary}` means. */
  readonly primarySlot?: number | string;
}

/** What a package says about itself, besides its name, version and slots. */
export interface BuilderMetadata {
  /** One line about the application. */
  readonly description?: string;
  /** How it is started. */
  readonly execution?: BuilderExecution;
  /** What happens to the inherited environment. */
  readonly runtime?: RuntimeMetadata;
  /** Directories and environment of the workenv. */
  readonly workenv?: {
    /** Directories to create, as paths or with a mode. */
    readonly directories?: readonly (string | WorkenvDirectory)[];
    /** Environment variables that hold paths of the workenv. */
    readonly env?: StringMap;
    /** Octal umask of setup commands and the application. */
    readonly umask?: string;
  };
  /** What runs once after extraction: command lines, or objects with a type. */
  readonly setupCommands?: readonly (string | JsonObject)[];
  /** A check of the extracted workenv. */
  readonly cacheValidation?: CacheValidationMetadata;
  /** Sections of your own: any JSON, kept as it is. */
  readonly custom?: JsonObject;
}

/** Where a section goes, and how its keys are spelled there. */
const SECTIONS: ReadonlyMap<string, readonly [name: string, keys: StringMap]> =
  new Map([
    ["description", ["description", {}]],
    ["execution", ["execution", { primarySlot: "primary_slot" }]],
    ["runtime", ["runtime", {}]],
    ["workenv", ["workenv", {}]],
    ["setupCommands", ["setup_commands", {}]],
    ["cacheValidation", ["cache_validation", {
      checkFile: "check_file",
      expectedContent: "expected_content",
    }]],
    ["custom", ["custom", {}]],
  ]);

/** Deeper than any reader of packages goes, and than any cycle is wanted. */
const MAX_DEPTH = 60;

/**
 * Merges metadata into metadata: tables by key at every depth, everything else
 * as a whole.
 *
 * @param base What is there.
 * @param added What wins.
 * @returns Both.
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

/**
 * Writes metadata as the sections of a manifest.
 *
 * @param metadata The metadata.
 * @param problems Takes what no manifest could hold.
 * @returns The sections, in the words of a manifest.
 */
export function metadataSections(
  metadata: BuilderMetadata,
  problems: ManifestProblem[],
): Readonly<Record<string, JsonValue>> {
  const sections: [string, JsonValue][] = [];
  for (const [key, value] of Object.entries(metadata)) {
    const known = SECTIONS.get(key);
    if (known === undefined) {
      problems.push({
        path: memberPath("metadata", key),
        message: 'is not known; sections of your own go below "custom"',
      });
      continue;
    }
    const [name, keys] = known;
    const before = problems.length;
    checkJson(value, name, 0, problems);
    if (problems.length === before) sections.push([name, rename(value, keys)]);
  }
  return Object.fromEntries(sections);
}

function rename(value: JsonValue, keys: StringMap): JsonValue {
  if (!isTable(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map((
      [key, member],
    ) => [Object.hasOwn(keys, key) ? keys[key] : key, member]),
  ) as JsonValue;
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
