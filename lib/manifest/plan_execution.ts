import type { JsonValue } from "../errors.ts";
import type {
  ExecutionMetadata,
  StringMap,
  WorkenvMetadata,
} from "../format/metadata.ts";
import { formatPermissions, parsePermissions } from "../format/slot_words.ts";
import { memberPath, type PlanNotes } from "./check_document.ts";
import type { ManifestDocument, SetupDocument } from "./manifest_schema.ts";
import type { SoundSlots } from "./plan_slots.ts";
import { findNearestName } from "./nearest_name.ts";
import { quoteCommand } from "./quote_command.ts";
import { splitWords } from "./split_words.ts";
import { placeInWorkenv } from "./value_checks.ts";

type ExecutionDocument = ManifestDocument["execution"];

/** Turns the execution section into its metadata. */
export function planExecution(
  execution: ExecutionDocument,
  slots: SoundSlots,
  notes: PlanNotes,
): ExecutionMetadata {
  const { argv, args, cwd } = execution;
  if (argv?.length === 0) notes.problem("execution.argv", "is empty");
  if (!execution.command && !argv) {
    notes.problem(
      "execution.command",
      'is missing; for example command = "{workenv}/bin/hello"',
    );
  }
  checkQuotes(execution.command, "execution.command", notes);
  return {
    primarySlot: findPrimarySlot(execution.primary_slot, slots, notes),
    // Readers that know no argv need the string all the same.
    command: execution.command ?? quoteCommand(argv ?? []),
    ...(argv && { argv }),
    ...(args && args.length > 0 && { args }),
    ...(cwd !== undefined && { cwd: placeInWorkenv(cwd) }),
    env: mergeEnvironment(execution, notes),
  };
}

/** A launcher could not split such a line into words. */
function checkQuotes(
  command: string | undefined,
  path: string,
  notes: PlanNotes,
): void {
  if (command === undefined || splitWords(command) !== undefined) return;
  notes.problem(path, "has a quote that is not closed, or ends in a backslash");
}

function findPrimarySlot(
  primary: number | string | undefined,
  slots: SoundSlots,
  notes: PlanNotes,
): number {
  if (primary === undefined) return 0;
  const index = typeof primary === "number"
    ? primary
    : slots.findIndex((slot) => slot?.id === primary);
  // Manifests without slots carry a 0 that means nothing.
  if (index >= 0 && index < Math.max(1, slots.length)) return index;
  // The slot may be one that is broken and reported already.
  if (index < 0 && slots.includes(undefined)) return 0;
  notes.problem(
    "execution.primary_slot",
    `is ${JSON.stringify(primary)}, but there is no such slot`,
  );
  return 0;
}

/** The Rust builder calls it `env`, the Go builder `environment`. */
function mergeEnvironment(
  execution: ExecutionDocument,
  notes: PlanNotes,
): StringMap {
  const env = execution.env ?? {};
  const environment = execution.environment ?? {};
  for (const [name, value] of Object.entries(environment)) {
    if (!Object.hasOwn(env, name) || env[name] === value) continue;
    notes.problem(
      memberPath("execution.environment", name),
      "differs from the same variable in execution.env",
    );
  }
  return { ...environment, ...env };
}

/** Keys that each type of setup command cannot do without. */
const NEEDED: Readonly<Record<string, readonly (keyof SetupDocument)[]>> = {
  execute: ["command"],
  shell: ["command"],
  enumerate_and_execute: ["command", "enumerate"],
  write_file: ["path", "content"],
  chmod: ["path", "mode"],
};

/** Turns setup commands into objects with a type, which every launcher reads. */
export function planSetupCommands(
  commands: readonly (string | SetupDocument)[],
  notes: PlanNotes,
): readonly JsonValue[] {
  return commands.map((command, index) => {
    const at = `setup_commands[${index}]`;
    if (typeof command === "string") {
      checkQuotes(command, at, notes);
      return { type: "execute", command };
    }
    const { type = "execute", ...members } = command;
    for (const key of NEEDED[type] ?? []) {
      if (command[key] !== undefined) continue;
      notes.problem(`${at}.${key}`, `is missing: ${type} needs it`);
    }
    if (type !== "shell") checkQuotes(members.command, `${at}.command`, notes);
    return { type, ...members };
  });
}

/**
 * Turns the workenv section into its metadata. Directories begin with
 * `{workenv}/`, because the Go launcher creates others in the user's working
 * directory.
 */
export function planWorkenv(
  { directories, env, umask }: NonNullable<ManifestDocument["workenv"]>,
): WorkenvMetadata {
  return {
    directories: (directories ?? []).map((item) => {
      const { path, mode } = typeof item === "string" ? { path: item } : item;
      return {
        path: placeInWorkenv(path),
        ...(mode && { mode: formatPermissions(parsePermissions(mode)) }),
      };
    }),
    env: env ?? {},
    ...(umask && { umask: umask.padStart(4, "0") }),
  };
}

const SLOT_REGEXP = /\{slot:([^{}]*)\}/g;
/** What looks like a placeholder, and is no variable of a shell. */
const PLACEHOLDER_REGEXP = /(?<!\$)\{([a-z_]+)\}/g;
const PLACEHOLDERS = [
  "workenv",
  "package_name",
  "version",
  "primary",
  "os",
  "arch",
  "platform",
];
/** Where braces are words of the launcher's, and not text of the application's. */
const WORDS_REGEXP =
  /^(?:execution\.(?:command|argv|args|cwd)\b|workenv\.directories\b|setup_commands\[\d+\](?:\.path)?$)/;

/**
 * Reports every `{slot:N}` that names a slot which does not exist, and every
 * placeholder that no launcher knows: it would only be noticed on the user's
 * machine. In the text of variables and files only what is close to one counts.
 */
export function checkPlaceholders(
  value: unknown,
  path: string,
  slotCount: number,
  notes: PlanNotes,
): void {
  if (typeof value === "string") {
    for (const [text, number = ""] of value.matchAll(SLOT_REGEXP)) {
      if (/^\d+$/.test(number) && Number(number) < slotCount) continue;
      notes.problem(path, `holds ${text}, but there is no such slot`);
    }
    for (const [text, name = ""] of value.matchAll(PLACEHOLDER_REGEXP)) {
      if (PLACEHOLDERS.includes(name)) continue;
      const near = findNearestName(name, PLACEHOLDERS);
      if (near === undefined && !WORDS_REGEXP.test(path)) continue;
      notes.problem(
        path,
        `holds ${text}, which no launcher knows; ${
          near === undefined
            ? `known are ${PLACEHOLDERS.map((one) => `{${one}}`).join(", ")}`
            : `did you mean {${near}}?`
        }`,
      );
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      checkPlaceholders(item, `${path}[${index}]`, slotCount, notes);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      checkPlaceholders(item, memberPath(path, key), slotCount, notes);
    }
  }
}
