import type { JsonValue } from "../errors.ts";
import type { WorkenvDirectory, WorkenvMetadata } from "../format/metadata.ts";
import { formatPermissions, parsePermissions } from "../format/slot_words.ts";
import type {
  DirectoryDocument,
  ManifestDocument,
  SetupDocument,
} from "./manifest_document.ts";
import type { PlanNotes } from "./plan_notes.ts";
import { placeInWorkenv } from "./workenv_path.ts";

/** Keys that each type of setup command cannot do without. */
const NEEDED: Readonly<Record<string, readonly (keyof SetupDocument)[]>> = {
  execute: ["command"],
  shell: ["command"],
  enumerate_and_execute: ["command", "enumerate"],
  write_file: ["path", "content"],
  chmod: ["path", "mode"],
};

/**
 * Turns setup commands into objects with a type, which every launcher reads.
 *
 * @param commands The commands, which fit the schema.
 * @param notes Takes problems.
 * @returns The commands for the metadata.
 */
export function planSetupCommands(
  commands: readonly (string | SetupDocument)[],
  notes: PlanNotes,
): readonly JsonValue[] {
  return commands.map((command, index) => {
    if (typeof command === "string") return { type: "execute", command };
    const { type: given, ...rest } = command;
    const type = given ?? "execute";
    for (const key of NEEDED[type] ?? []) {
      if ((rest[key as keyof typeof rest] ?? undefined) !== undefined) continue;
      const at = `setup_commands[${index}].${key}`;
      notes.problem(at, `is missing: ${type} needs it`);
    }
    const members = Object.entries(rest).filter(([, value]) => value !== null);
    return { type, ...Object.fromEntries(members) };
  });
}

/**
 * Turns the workenv section into its metadata.
 *
 * @param workenv The section, which fits the schema.
 * @returns The metadata; directories begin with `{workenv}/`, because the Go
 * launcher creates others in the user's working directory.
 */
export function planWorkenv(
  workenv: NonNullable<ManifestDocument["workenv"]>,
): WorkenvMetadata {
  const directories = (workenv.directories ?? []).map(planDirectory);
  return {
    directories,
    env: workenv.env ?? {},
    ...(typeof workenv.umask === "string"
      ? { umask: workenv.umask.padStart(4, "0") }
      : {}),
  };
}

function planDirectory(item: DirectoryDocument): WorkenvDirectory {
  const { path: text, mode } = typeof item === "string"
    ? { path: item, mode: undefined }
    : item;
  return {
    path: placeInWorkenv(text),
    ...(typeof mode === "string"
      ? { mode: formatPermissions(parsePermissions(mode)) }
      : {}),
  };
}
