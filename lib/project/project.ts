import { type JsonValue, PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { type Platform, platformName } from "../launchers/platform.ts";
import type { FoundSource } from "../pack/slot_source.ts";
import type { ToolHost } from "../runtimes/tools.ts";
import type { ProjectSettings } from "./settings.ts";
import type { Component } from "./sbom.ts";

/** The kinds of projects, by the name that `--as` takes. */
export const PROJECT_KINDS = ["python", "node", "deno", "binary"] as const;

/** A kind of project. */
export type ProjectKind = typeof PROJECT_KINDS[number];

/** What a user wants of a project, over what its files say. */
export interface ProjectOverrides {
  /** What to start: `module:function`, a script, a file. */
  readonly entry?: string | undefined;
  /** Which interpreter: `python@3.12`, `node@22`, or a directory or file. */
  readonly runtime?: string | undefined;
  /** Globs of files of the project that are taken; all when empty. */
  readonly include?: readonly string[] | undefined;
  /** Globs of files of the project that are left out. */
  readonly exclude?: readonly string[] | undefined;
  /** Permissions of a Deno program, as its own flags. */
  readonly allow?: readonly string[] | undefined;
}

/** What an adapter works with. */
export interface ProjectRequest {
  /** The project's directory, absolute; for a binary, the file. */
  readonly path: string;
  readonly overrides: ProjectOverrides;
  readonly target: Platform;
  readonly host: ToolHost;
  /** A directory of this build, removed when it is over. */
  readonly work: string;
  /** Says what is being done. */
  readonly say: (text: string) => void;
}

/** A project, ready to be packed. */
export interface ProjectPackage {
  readonly plan: BuildPlan;
  /** Where it runs, where its content decides that. */
  readonly target?: Platform | undefined;
  /** The content of the slots, by id. */
  readonly sources: ReadonlyMap<string, FoundSource>;
  /** What is in the package beside the application itself. */
  readonly components: readonly Component[];
}

/** One kind of project. */
export interface ProjectAdapter {
  readonly name: ProjectKind;
  /** Whether a directory with these names in it is such a project. */
  matches(names: ReadonlySet<string>): boolean;
  /** Gathers everything that the package needs. */
  plan(request: ProjectRequest): Promise<ProjectPackage>;
}

/** What the project and the user say together: the user is nearer. */
export function settle(
  settings: ProjectSettings,
  overrides: ProjectOverrides,
): ProjectSettings {
  return {
    ...settings,
    entry: overrides.entry ?? settings.entry ?? settings.entry_point,
    runtime: overrides.runtime ?? settings.runtime,
    include: overrides.include?.length ? overrides.include : settings.include,
    exclude: [...settings.exclude ?? [], ...overrides.exclude ?? []],
    permissions: overrides.allow?.length
      ? overrides.allow
      : settings.permissions,
  };
}

const MAX_FILE = 64 * 1024 * 1024;

/** Reads a file of a project: what does not parse is a mistake of its author's. */
export async function readDocument<T>(
  path: string,
  parse: (text: string) => unknown,
  reader: Host["reader"],
): Promise<T> {
  const bytes = await reader.readBytes(path, MAX_FILE);
  try {
    return parse(new TextDecoder().decode(bytes)) as T;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PspfError("manifest/syntax", `Cannot read ${path}: ${reason}`, {
      context: { file: path },
      cause,
    });
  }
}

/** What only a machine of the target could make. */
export function cannotPackFor(
  target: Platform,
  reason: string,
  context: Readonly<Record<string, JsonValue>>,
  cause?: unknown,
): PspfError {
  const platform = platformName(target);
  return new PspfError(
    "build/failed",
    `Cannot pack for ${platform}: ${reason}`,
    {
      context: { ...context, platform },
      hint: `Pack on ${platform} itself`,
      cause,
    },
  );
}

/** Nothing says what is started. */
export function unclearStart(
  reason: string,
  names: readonly string[],
  example: string,
): PspfError {
  return new PspfError(
    "manifest/invalid",
    `Cannot tell what to start: ${reason}`,
    {
      context: { names: [...names] },
      hint: names.length > 0
        ? `Name one with --entry: ${names.join(", ")}`
        : `Name it with --entry, such as ${example}`,
    },
  );
}
