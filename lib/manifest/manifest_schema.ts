import { KNOWN_LIFECYCLES, KNOWN_PURPOSES } from "../format/slot_words.ts";
import type { ObjectSchema, Schema, ValueOf } from "./schema.ts";
import {
  checkCommand,
  checkOperations,
  checkPackageName,
  checkPermissions,
  checkSource,
  checkText,
  checkUmask,
  checkValue,
  checkVariableName,
  checkWorkenvPath,
} from "./value_checks.ts";

const TEXT = { kind: "string", check: checkText } as const;
const ANY_TEXT = { kind: "string" } as const;
const BOOLEAN = { kind: "boolean" } as const;
const TEXTS = { kind: "array", items: TEXT } as const;
const NAME = { kind: "string", check: checkPackageName } as const;
const SOURCE = { kind: "string", check: checkSource } as const;
const COMMAND = { kind: "string", check: checkCommand } as const;
const CHAIN = { kind: "string", check: checkOperations } as const;
const UMASK = { kind: "string", check: checkUmask } as const;
const VALUE = { kind: "string", check: checkValue } as const;
const VALUES = { kind: "array", items: VALUE } as const;
const PATH = { kind: "string", check: checkWorkenvPath } as const;
const MODE = { kind: "string", check: checkPermissions } as const;
const INDEX = { kind: "integer", min: 0, max: 65_534 } as const;
const LEVEL = { kind: "integer", min: 1, max: 22 } as const;
const VARIABLES = {
  kind: "map",
  values: VALUE,
  checkKey: checkVariableName,
} as const;
const words = <const W extends readonly string[]>(...words: W) =>
  ({ kind: "string", words }) as const;
const openWords = <W extends readonly string[]>(words: W) =>
  ({ kind: "string", words, openInJson: true }) as const;
const list = <S extends Schema>(items: S) =>
  ({ kind: "array", items }) as const;
const either = <const O extends readonly Schema[]>(...options: O) =>
  ({ kind: "either", options }) as const;
const table = <F extends ObjectSchema["fields"]>(fields: F) =>
  ({ kind: "object", fields }) as const;

/** What a key holds, an example, what it means, and what its absence means. */
const may = <S extends Schema>(
  schema: S,
  example: string,
  description: string,
  fallback?: string,
) => ({ schema, example, description, ...(fallback && { fallback }) });

/** The same for a key that no manifest can do without. */
const must = <S extends Schema>(
  schema: S,
  example: string,
  description: string,
) => ({ schema, example, description, required: true }) as const;

// deno-fmt-ignore: one row for each key, as in all the tables below
const PACKAGE = table({
  name: must(NAME, '"hello"', "Name of the application, and of the file it is packed into."),
  version: must(TEXT, '"1.0.0"', "Version of the application."),
  description: may(ANY_TEXT, '"Says hello"', "One line about the application."),
});

// deno-fmt-ignore
const EXECUTION = table({
  command: may(COMMAND, '"{workenv}/bin/hello --verbose"',
    "The command line, split into words as a shell does, before placeholders are replaced. Either this or `argv`."),
  argv: may(VALUES, '["{workenv}/bin/hello", "two words"]',
    "The command as a list of words: nothing in it needs quotes. Wins over `command`."),
  args: may(VALUES, '["--config", "{workenv}/etc/hello.toml"]', "Arguments that come before the user's."),
  cwd: may(PATH, '"{workenv}/share"',
    "Working directory of the application: `{workenv}` or a directory below it.", "the user's"),
  env: may(VARIABLES, '{ GREETING = "hi" }', "Environment variables of the application."),
  environment: may(VARIABLES, '{ GREETING = "hi" }', "The same as `env`, as the Go builder spells it."),
  primary_slot: may(either(INDEX, TEXT), '"app"', "Index or id of the slot that `{primary}` stands for.", "0"),
});

// deno-fmt-ignore
const SLOT = table({
  slot: may(INDEX, "0", "Position in the list, from 0; only checked."),
  id: must(TEXT, '"app"', "Name of the slot, unique in the package; never a path."),
  source: must(SOURCE, '"build/app"', "A file or a directory, relative to the manifest."),
  include: may(TEXTS, '["bin/**", "*.toml"]',
    "Globs of what is taken from a directory. Without a slash they match names at any depth.", "everything"),
  exclude: may(TEXTS, '["*.pyc", ".git/"]', "Globs of what is left out of a directory.", "nothing"),
  target: must(PATH, '"bin/app"', "Where the content goes below the workenv: the path of a file, " +
    "or the directory that takes a directory's content (`{workenv}` for the workenv itself)."),
  operations: may(CHAIN, '"tar.zst"', "What is done to the bytes: `raw`, `gzip`, `zstd`, `tar`, `tar.gz` or `tar.zst`. " +
    "Input that already has the final form is kept.",
    "`tar.zst` for directories, `zstd` for files over 4 KiB, else `raw`; gzip in the portable profile. In a JSON manifest: `raw`"),
  level: may(LEVEL, "19", "Compression level: 1 to 9 for gzip, 1 to 22 for zstd.", "9 for gzip, 3 for zstd"),
  purpose: may(openWords(KNOWN_PURPOSES), '"code"', "What the slot is for, shown to people. The format itself knows only the first four. " +
    "In a JSON manifest any other word is kept, with a warning.", "`data`"),
  lifecycle: may(openWords(KNOWN_LIFECYCLES), '"cache"', "When the slot is extracted, and how long its files stay. " +
    "The last three are other words for `cache`, `temp` and `dev`. In a JSON manifest any other word is kept, with a warning.", "`runtime`"),
  modes: may(words("owner", "exact"), '"exact"', "Which permission bits of the source are kept: `owner` keeps the owner's and " +
    "derives the others from them like umask 022 (0700 becomes 0755, 0660 becomes 0644), so that the package does not depend on " +
    "the umask of a checkout; `exact` keeps all nine.", "`owner`"),
  permissions: may(MODE, '"0755"', "Octal mode of a single file.", "what `modes` makes of the source's. In a JSON manifest: 0600"),
  platform: may(words("any", "linux", "darwin", "macos", "windows"), '"linux"',
    "Where a slot of the lifecycle `platform` is used.", "`any`"),
  resolution: may(words("build", "runtime", "lazy"), '"build"', "Kept in the metadata; without effect.", "`build`"),
});

// deno-fmt-ignore
const INHERITED = table({
  unset: may(TEXTS, '["PYTHON*"]', "Inherited variables to remove: names, or patterns with `*` and `?`."),
  pass: may(TEXTS, '["HOME", "LC_*"]', "Inherited variables that `unset` does not touch."),
  map: may(VARIABLES, '{ OLD_NAME = "NEW_NAME" }', "New names for inherited variables, by old name."),
  set: may(VARIABLES, '{ TZ = "UTC" }', "Variables to set."),
});

// deno-fmt-ignore
const DIRECTORY = table({
  path: must(PATH, '"var/log"', "Path below the workenv."),
  mode: may(MODE, '"0750"', "Octal mode.", "0700"),
});

// deno-fmt-ignore
const WORKENV = table({
  directories: may(list(either(DIRECTORY, PATH)), '[{ path = "var", mode = "0750" }, "tmp"]',
    "Directories to create, as paths or with a mode."),
  env: may(VARIABLES, '{ APP_HOME = "{workenv}" }', "Environment variables that hold paths of the workenv."),
  umask: may(UMASK, '"0077"', "Octal umask of the setup commands and the application.", "the user's"),
});

// deno-fmt-ignore
const ENUMERATE = table({
  path: must(PATH, '"{workenv}/wheels"', "Directory of the workenv to look into."),
  pattern: must(TEXT, '"*.whl"', "Pattern of paths below it, such as `**/*.py`."),
});

// deno-fmt-ignore
const SETUP_COMMAND = table({
  type: may(words("execute", "enumerate_and_execute", "shell", "write_file", "chmod"), '"execute"',
    "What to do: `execute` runs a command, `enumerate_and_execute` runs it for files, `shell` has the shell run it, " +
    "`write_file` and `chmod` do what they say.", "`execute`"),
  command: may(COMMAND, '"{workenv}/bin/prepare"', "Command line of `execute` and `enumerate_and_execute`, " +
    "split as a shell does, but run without one; for `shell`, what `sh -c` runs."),
  enumerate: may(ENUMERATE, '{ path = "{workenv}/wheels", pattern = "*.whl" }',
    "Files that `enumerate_and_execute` appends to the command, one per run."),
  batch: may(BOOLEAN, "true", "Runs the command once, with all the files appended.", "false"),
  path: may(PATH, '"{workenv}/etc/app.conf"', "File of `write_file` and `chmod`, below the workenv; for `chmod` also a pattern."),
  content: may(ANY_TEXT, '"ready"', "Text of `write_file`, stored exactly."),
  mode: may(MODE, '"0755"', "Octal mode of `write_file` and `chmod`.", "0644 for `write_file`"),
});

// deno-fmt-ignore
const CACHE_VALIDATION = table({
  check_file: must(TEXT, '"{workenv}/metadata/installed"', "A file of the workenv."),
  expected_content: must(ANY_TEXT, '"1.0.0"', "What the file has to hold."),
});

// deno-fmt-ignore
const BUILD = table({
  portable: may(BOOLEAN, "true", "Writes only what the existing Go and Rust launchers can start: raw, gzip, tar and tar.gz.",
    "false; true with a launcher of another product"),
  level: may(LEVEL, "10", "Compression level of slots that do not name one.", "9 for gzip, 3 for zstd"),
});

// deno-fmt-ignore
export const RUNTIME = table({
  env: may(INHERITED, '{ unset = ["PYTHON*"] }', "What happens to the inherited environment."),
});

// deno-fmt-ignore
const SCHEMA = table({
  format: may(words("PSPF/2025"), '"PSPF/2025"', "The package format."),
  package: must(PACKAGE, '{ name = "hello", version = "1.0.0" }', "Who the package is."),
  execution: must(EXECUTION, '{ command = "{workenv}/bin/hello" }', "How the application is started."),
  slots: must(list(SLOT), '[{ id = "app", source = "app", target = "bin/app" }]', "The content, in order."),
  runtime: may(RUNTIME, '{ env = { unset = ["PYTHON*"] } }', "Rules for the inherited environment."),
  workenv: may(WORKENV, '{ directories = ["tmp"] }', "Directories and environment of the workenv."),
  setup_commands: may(list(either(SETUP_COMMAND, COMMAND)), '[{ type = "execute", command = "{workenv}/bin/prepare" }]',
    "What runs once, after the first extraction."),
  cache_validation: may(CACHE_VALIDATION, '{ check_file = "{workenv}/ok", expected_content = "1" }',
    "A check of a workenv that was filled before."),
  launcher: may(TEXT, '"dist/bin/flavor-rs-launcher-linux_amd64"', "The launcher to use, if the command line names none."),
  build: may(BUILD, "{ portable = true }", "How the package is built."),
  custom: may({ kind: "map", values: { kind: "any" } } as const, '{ team = "tools" }',
    "Sections of your own, kept in the metadata as they are."),
});

/**
 * All keys of a manifest. This one table checks manifests, suggests names for
 * misspelled keys, gives a parsed manifest its type, and is what the reference
 * and the JSON Schema are generated from.
 */
export const MANIFEST_SCHEMA: ObjectSchema = SCHEMA;

/** A manifest that fits {@linkcode MANIFEST_SCHEMA}. */
export type ManifestDocument = ValueOf<typeof SCHEMA>;
/** One slot of it. */
export type SlotDocument = ValueOf<typeof SLOT>;
/** One of its setup commands, when it is more than a command line. */
export type SetupDocument = ValueOf<typeof SETUP_COMMAND>;
