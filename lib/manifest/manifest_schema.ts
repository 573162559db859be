import type { Field, ObjectSchema, Schema } from "./schema.ts";
import {
  checkCommand,
  checkOperations,
  checkPackageName,
  checkPermissions,
  checkSource,
  checkText,
  checkUmask,
  checkVariableName,
  checkVariableValue,
  checkWorkenvPath,
} from "./value_checks.ts";

const TEXT: Schema = { kind: "string", check: checkText };
const ANY_TEXT: Schema = { kind: "string" };
const COMMAND: Schema = { kind: "string", check: checkCommand };
const ARGUMENT: Schema = { kind: "string", check: checkVariableValue };
const GLOBS: Schema = { kind: "array", items: TEXT };
const NAMES: Schema = { kind: "array", items: TEXT };
const WORKENV_PATH: Schema = { kind: "string", check: checkWorkenvPath };
const PERMISSIONS: Schema = { kind: "string", check: checkPermissions };
const VARIABLES: Schema = {
  kind: "map",
  values: { kind: "string", check: checkVariableValue },
  checkKey: checkVariableName,
};

const PACKAGE_FIELDS: readonly Field[] = [
  {
    name: "name",
    schema: { kind: "string", check: checkPackageName },
    required: true,
    description: "Name of the application, and of the file it is packed into.",
    example: '"hello"',
  },
  {
    name: "version",
    schema: TEXT,
    required: true,
    description: "Version of the application.",
    example: '"1.0.0"',
  },
  {
    name: "description",
    schema: ANY_TEXT,
    description: "One line about the application.",
    example: '"Says hello"',
  },
];

const EXECUTION_FIELDS: readonly Field[] = [
  {
    name: "command",
    schema: COMMAND,
    description:
      "The command line, split like a shell does before placeholders are put in. Either this or `argv`.",
    example: '"{workenv}/bin/hello --verbose"',
  },
  {
    name: "argv",
    schema: { kind: "array", items: ARGUMENT },
    description:
      "The command, split already: nothing in it needs quotes. Wins over `command`.",
    example: '["{workenv}/bin/hello", "two words"]',
  },
  {
    name: "args",
    schema: { kind: "array", items: ARGUMENT },
    description: "Arguments that come before those of the user.",
    example: '["--config", "{workenv}/etc/hello.toml"]',
  },
  {
    name: "cwd",
    schema: WORKENV_PATH,
    fallback: "the user's",
    description:
      "Working directory of the application: `{workenv}` or a directory below it.",
    example: '"{workenv}/share"',
  },
  {
    name: "env",
    schema: VARIABLES,
    description: "Environment variables of the application.",
    example: '{ GREETING = "hi" }',
  },
  {
    name: "environment",
    schema: VARIABLES,
    description: "The same as `env`, as the Go builder spells it.",
    example: '{ GREETING = "hi" }',
  },
  {
    name: "primary_slot",
    schema: {
      kind: "either",
      options: [{ kind: "integer", min: 0, max: 65_534 }, TEXT],
    },
    fallback: "0",
    description: "Index or id of the slot that `{primary}` means.",
    example: '"app"',
  },
];

const SLOT_FIELDS: readonly Field[] = [
  {
    name: "slot",
    schema: { kind: "integer", min: 0, max: 65_534 },
    description: "Position in the list, from 0; only checked.",
    example: "0",
  },
  {
    name: "id",
    schema: TEXT,
    required: true,
    description: "Name of the slot, unique in the package; never a path.",
    example: '"app"',
  },
  {
    name: "source",
    schema: { kind: "string", check: checkSource },
    required: true,
    description: "A file or a directory, relative to the manifest.",
    example: '"build/app"',
  },
  {
    name: "include",
    schema: GLOBS,
    fallback: "everything",
    description:
      "Globs of what is taken from a directory. Without a slash they match names at any depth.",
    example: '["bin/**", "*.toml"]',
  },
  {
    name: "exclude",
    schema: GLOBS,
    fallback: "nothing",
    description: "Globs of what is left out of a directory.",
    example: '["*.pyc", ".git/"]',
  },
  {
    name: "target",
    schema: WORKENV_PATH,
    required: true,
    description:
      "Where the content goes below the workenv: the path of a file, or the directory that takes a directory's content (`{workenv}` for the workenv itself).",
    example: '"bin/app"',
  },
  {
    name: "operations",
    schema: { kind: "string", check: checkOperations },
    fallback:
      "`tar.zst` for directories, `zstd` for files over 4 KiB, else `raw`; gzip in the portable profile. In a JSON manifest: `raw`",
    description:
      "What is done to the bytes: `raw`, `gzip`, `zstd`, `tar`, `tar.gz` or `tar.zst`. Input that has the last form already is kept.",
    example: '"tar.zst"',
  },
  {
    name: "level",
    schema: { kind: "integer", min: 1, max: 22 },
    fallback: "9 for gzip, 3 for zstd",
    description: "Compression level: 1 to 9 for gzip, 1 to 22 for zstd.",
    example: "19",
  },
  {
    name: "purpose",
    schema: ANY_TEXT,
    fallback: "`data`",
    description: "`data`, `code`, `config` or `media`.",
    example: '"code"',
  },
  {
    name: "lifecycle",
    schema: ANY_TEXT,
    fallback: "`runtime`",
    description:
      "When it is extracted: `runtime`, `init`, `startup`, `cache`, `temp`, `lazy`, `eager`, `dev`, `config`, `platform` or `shutdown`.",
    example: '"cache"',
  },
  {
    name: "modes",
    schema: { kind: "string", words: ["owner", "exact"] },
    fallback: "`owner`",
    description:
      "Which permission bits of the source are kept: `owner` keeps the owner's and derives the others from them like umask 022 (0700 becomes 0755, 0660 becomes 0644), so that the package does not depend on the umask of a checkout; `exact` keeps all nine.",
    example: '"exact"',
  },
  {
    name: "permissions",
    schema: PERMISSIONS,
    fallback: "what `modes` makes of the source's. In a JSON manifest: 0600",
    description: "Octal mode of a single file.",
    example: '"0755"',
  },
  {
    name: "platform",
    schema: {
      kind: "string",
      words: ["any", "linux", "darwin", "macos", "windows"],
    },
    fallback: "`any`",
    description: "Where a slot of the lifecycle `platform` is used.",
    example: '"linux"',
  },
  {
    name: "resolution",
    schema: { kind: "string", words: ["build", "runtime", "lazy"] },
    fallback: "`build`",
    description: "Kept in the metadata; without effect.",
    example: '"build"',
  },
  {
    name: "encoding",
    schema: ANY_TEXT,
    only: "json",
    description: "Ignored, as the existing builders do. See `operations`.",
    example: '"gzip"',
  },
];

const RUNTIME_FIELDS: readonly Field[] = [
  {
    name: "env",
    schema: {
      kind: "object",
      fields: [
        {
          name: "unset",
          schema: NAMES,
          description:
            "Inherited variables to remove: names, or patterns with `*` and `?`.",
          example: '["PYTHON*"]',
        },
        {
          name: "pass",
          schema: NAMES,
          description: "Inherited variables that `unset` does not touch.",
          example: '["HOME", "LC_*"]',
        },
        {
          name: "map",
          schema: VARIABLES,
          description: "New names for inherited variables, by old name.",
          example: '{ OLD_NAME = "NEW_NAME" }',
        },
        {
          name: "set",
          schema: VARIABLES,
          description: "Variables to set.",
          example: '{ TZ = "UTC" }',
        },
      ],
    },
    description: "What happens to the inherited environment.",
    example: '{ unset = ["PYTHON*"] }',
  },
];

const WORKENV_FIELDS: readonly Field[] = [
  {
    name: "directories",
    schema: {
      kind: "array",
      items: {
        kind: "either",
        options: [
          {
            kind: "object",
            fields: [
              {
                name: "path",
                schema: WORKENV_PATH,
                required: true,
                description: "Path below the workenv.",
                example: '"var/log"',
              },
              {
                name: "mode",
                schema: PERMISSIONS,
                fallback: "0700",
                description: "Octal mode.",
                example: '"0750"',
              },
            ],
          },
          WORKENV_PATH,
        ],
      },
    },
    description: "Directories to create, as paths or with a mode.",
    example: '[{ path = "var", mode = "0750" }, "tmp"]',
  },
  {
    name: "env",
    schema: VARIABLES,
    description: "Environment variables that hold paths of the workenv.",
    example: '{ APP_HOME = "{workenv}" }',
  },
  {
    name: "umask",
    schema: { kind: "string", check: checkUmask },
    fallback: "the user's",
    description: "Octal umask of the setup commands and the application.",
    example: '"0077"',
  },
];

const SETUP_COMMAND: ObjectSchema = {
  kind: "object",
  fields: [
    {
      name: "type",
      schema: {
        kind: "string",
        words: [
          "execute",
          "enumerate_and_execute",
          "shell",
          "write_file",
          "chmod",
        ],
      },
      fallback: "`execute`",
      description:
        "What to do: `execute` runs a command, `enumerate_and_execute` runs it for files, `shell` lets the shell read it, `write_file` and `chmod` do what they say.",
      example: '"execute"',
    },
    {
      name: "command",
      schema: COMMAND,
      description:
        "Command line of `execute` and `enumerate_and_execute`, split like a shell does but without a shell; for `shell`, what `sh -c` runs.",
      example: '"{workenv}/bin/prepare"',
    },
    {
      name: "enumerate",
      schema: {
        kind: "object",
        fields: [
          {
            name: "path",
            schema: WORKENV_PATH,
            required: true,
            description: "Directory of the workenv to look into.",
            example: '"{workenv}/wheels"',
          },
          {
            name: "pattern",
            schema: TEXT,
            required: true,
            description: "Pattern of paths below it, such as `**/*.py`.",
            example: '"*.whl"',
          },
        ],
      },
      description:
        "Files that `enumerate_and_execute` puts behind the command, one per run.",
      example: '{ path = "{workenv}/wheels", pattern = "*.whl" }',
    },
    {
      name: "batch",
      schema: { kind: "boolean" },
      fallback: "false",
      description: "Runs the command once, with all the files behind it.",
      example: "true",
    },
    {
      name: "path",
      schema: WORKENV_PATH,
      description:
        "File of `write_file` and `chmod`, below the workenv; for `chmod` also a pattern.",
      example: '"{workenv}/etc/app.conf"',
    },
    {
      name: "content",
      schema: ANY_TEXT,
      description: "Text of `write_file`, stored exactly.",
      example: '"ready"',
    },
    {
      name: "mode",
      schema: PERMISSIONS,
      fallback: "0644 for `write_file`",
      description: "Octal mode of `write_file` and `chmod`.",
      example: '"0755"',
    },
  ],
};

const BUILD_FIELDS: readonly Field[] = [
  {
    name: "portable",
    schema: { kind: "boolean" },
    fallback: "false, and true for a launcher that is not ours",
    description:
      "Keeps to what the existing Go and Rust launchers can start: raw, gzip, tar and tar.gz.",
    example: "true",
  },
  {
    name: "level",
    schema: { kind: "integer", min: 1, max: 22 },
    fallback: "9 for gzip, 3 for zstd",
    description: "Compression level of slots that do not name one.",
    example: "10",
  },
];

/**
 * All keys of a manifest. This one table checks manifests, suggests names for
 * misspelled keys, and is what the manifest's reference is generated from.
 */
export const MANIFEST_SCHEMA: ObjectSchema = {
  kind: "object",
  fields: [
    {
      name: "format",
      schema: { kind: "string", words: ["PSPF/2025"] },
      description: "The package format.",
      example: '"PSPF/2025"',
    },
    {
      name: "package",
      schema: { kind: "object", fields: PACKAGE_FIELDS },
      required: true,
      description: "Who the package is.",
      example: '{ name = "hello", version = "1.0.0" }',
    },
    {
      name: "execution",
      schema: { kind: "object", fields: EXECUTION_FIELDS },
      required: true,
      description: "How the application is started.",
      example: '{ command = "{workenv}/bin/hello" }',
    },
    {
      name: "slots",
      schema: {
        kind: "array",
        items: { kind: "object", fields: SLOT_FIELDS },
      },
      required: true,
      description: "The content, in order.",
      example: '[{ id = "app", source = "app", target = "bin/app" }]',
    },
    {
      name: "runtime",
      schema: { kind: "object", fields: RUNTIME_FIELDS },
      description: "Rules for the inherited environment.",
      example: '{ env = { unset = ["PYTHON*"] } }',
    },
    {
      name: "workenv",
      schema: { kind: "object", fields: WORKENV_FIELDS },
      description: "Directories and environment of the workenv.",
      example: '{ directories = ["tmp"] }',
    },
    {
      name: "setup_commands",
      schema: {
        kind: "array",
        items: { kind: "either", options: [SETUP_COMMAND, COMMAND] },
      },
      description: "What runs once, after the first extraction.",
      example: '[{ type = "execute", command = "{workenv}/bin/prepare" }]',
    },
    {
      name: "cache_validation",
      schema: {
        kind: "object",
        fields: [
          {
            name: "check_file",
            schema: TEXT,
            required: true,
            description: "A file of the workenv.",
            example: '"{workenv}/metadata/installed"',
          },
          {
            name: "expected_content",
            schema: ANY_TEXT,
            required: true,
            description: "What the file has to hold.",
            example: '"1.0.0"',
          },
        ],
      },
      description: "A check of a workenv that was filled before.",
      example: '{ check_file = "{workenv}/ok", expected_content = "1" }',
    },
    {
      name: "launcher",
      schema: TEXT,
      description: "The launcher to use, if the command line names none.",
      example: '"dist/bin/flavor-rs-launcher-linux_amd64"',
    },
    {
      name: "build",
      schema: { kind: "object", fields: BUILD_FIELDS },
      description: "How the package is built.",
      example: "{ portable = true }",
    },
    {
      name: "custom",
      schema: { kind: "map", values: { kind: "any" } },
      description: "Sections of your own, kept in the metadata as they are.",
      example: '{ team = "tools" }',
    },
  ],
};
