import { PLATFORMS } from "../launchers/platform.ts";
import { DEFAULT_VERIFY_LEVEL, VERIFY_LEVELS } from "../read/mod.ts";
import type { CommandSpec, FlagSpec } from "./command_spec.ts";
import { LOG_LEVELS } from "./output.ts";

/** Flags that every command takes. */
export const GLOBAL_FLAGS = {
  help: { kind: "switch", short: "h", help: "Show help and exit" },
  version: { kind: "switch", short: "V", help: "Show the version and exit" },
  json: {
    kind: "switch",
    help: "Print exactly one JSON object; errors too, on standard error",
  },
  quiet: {
    kind: "switch",
    short: "q",
    help: "Print nothing but errors and what was asked for",
  },
  progress: {
    kind: "switch",
    default: true,
    help: "Draw a progress bar when standard error is a terminal",
  },
  color: {
    kind: "text",
    value: "WHEN",
    choices: ["auto", "always", "never"],
    default: "auto",
    help: "When to use colours; auto respects NO_COLOR",
  },
  "log-level": {
    kind: "text",
    value: "LEVEL",
    env: "FLAVOR_LOG_LEVEL",
    choices: LOG_LEVELS,
    default: "info",
    help: "How much to say on standard error",
  },
  directory: {
    kind: "text",
    short: "C",
    value: "DIR",
    help: "Work as if started in this directory",
  },
  debug: { kind: "switch", help: "Show stack traces of errors" },
} as const satisfies Record<string, FlagSpec>;

const PACKAGE = {
  name: "package",
  value: "PKG",
  help: "The package",
} as const;

const TRUSTED_KEY = {
  kind: "list",
  value: "KEY",
  env: "FLAVOR_TRUSTED_KEYS",
  help:
    "Accept only this public key: a file or a fingerprint; may be given several times",
} as const;

const FORCE = {
  kind: "switch",
  short: "f",
  help: "Replace what exists",
} as const;

/** Every command, in the order of `--help`. */
export const COMMANDS = {
  pack: {
    summary: "Pack an application into one signed executable file",
    description: [
      "Reads the manifest, encodes the slots, signs the package, verifies the result and only then gives it its name. A build that fails or is interrupted leaves no file and does not touch an existing one.",
      "Without a key the package is signed with one made for this build, which proves that nothing was changed but not who packed it.",
    ],
    operands: [],
    flags: {
      manifest: {
        kind: "text",
        short: "m",
        value: "FILE",
        help: "The manifest; flavor.toml, else flavor.json",
      },
      output: {
        kind: "text",
        short: "o",
        value: "FILE",
        help: "The package; dist/<name>.psp beside the manifest",
      },
      "launcher-bin": {
        kind: "text",
        value: "FILE",
        help:
          "The launcher; $FLAVOR_LAUNCHER_BIN, else Rust for the target, else Go for it",
      },
      "builder-bin": {
        kind: "text",
        value: "FILE",
        env: "FLAVOR_BUILDER_BIN",
        help:
          "Have this native builder write the package, in the portable profile; what it wrote is verified",
      },
      target: {
        kind: "text",
        value: "PLATFORM",
        choices: PLATFORMS,
        help: "Platform to pack for, such as linux_arm64",
      },
      "private-key": {
        kind: "text",
        value: "FILE",
        help: "Ed25519 key to sign with: PKCS#8 PEM, or 32 or 64 raw bytes",
      },
      "public-key": {
        kind: "text",
        value: "FILE",
        help: "Refuse to pack unless the private key belongs to this one",
      },
      "key-seed": {
        kind: "text",
        value: "TEXT",
        help:
          'Sign with the key made from this text; "env" takes it from FLAVOR_KEY_SEED',
      },
      portable: {
        kind: "switch",
        help: "Write only what launchers of other makers understand",
      },
      verify: {
        kind: "switch",
        default: true,
        help: "Verify the package before it gets its name",
      },
      "workenv-base": {
        kind: "text",
        value: "DIR",
        env: "FLAVOR_WORKENV_BASE",
        help: "What {workenv} stands for in the sources of slots",
      },
      jobs: {
        kind: "number",
        short: "j",
        value: "N",
        least: 1,
        help: "Slots and blocks to work on at once; the number of processors",
      },
      "cache-dir": {
        kind: "text",
        value: "DIR",
        env: "FLAVOR_SLOT_CACHE",
        help:
          "Keep compressed slots here, so that only what changed is compressed again",
      },
      "cache-size": {
        kind: "text",
        value: "SIZE",
        default: "4G",
        help:
          "Most that --cache-dir may hold; what was used longest ago goes first",
      },
      "dry-run": { kind: "switch", help: "Show the plan and write nothing" },
    },
    examples: [
      { line: "flavor pack", does: "Pack the manifest in this directory" },
      {
        line:
          "flavor pack -m app/flavor.toml -o app.psp --private-key keys/flavor-private.key",
        does: "Name everything",
      },
    ],
  },
  run: {
    summary: "Verify a package with this program, then start it",
    description: [
      "Every byte is checked here before anything of the package runs, so the answer does not depend on the launcher inside of it. Name a key that you trust to know who packed it.",
    ],
    operands: [PACKAGE],
    rest: "ARGS",
    flags: { "trusted-key": TRUSTED_KEY },
    examples: [
      {
        line: "flavor run app.psp -- serve --port 8080",
        does: "Verify, then start with arguments",
      },
    ],
  },
  verify: {
    summary: "Check every byte of a package and name each check",
    operands: [PACKAGE],
    flags: {
      "trusted-key": TRUSTED_KEY,
      level: {
        kind: "text",
        value: "LEVEL",
        env: "FLAVOR_VALIDATION",
        choices: VERIFY_LEVELS,
        default: DEFAULT_VERIFY_LEVEL,
        help: "How strict to be",
      },
    },
    examples: [
      {
        line: "flavor verify app.psp --trusted-key keys/flavor-public.key",
        does: "Check integrity and origin",
      },
    ],
  },
  inspect: {
    summary: "Show what is inside a package",
    operands: [PACKAGE],
    flags: {
      tree: {
        kind: "switch",
        help: "Read every slot and show its files as a tree",
      },
    },
    examples: [
      { line: "flavor inspect app.psp", does: "Sizes, slots, key, command" },
      {
        line: "flavor inspect app.psp --json",
        does: "The same for programs",
      },
      { line: "flavor inspect app.psp --tree", does: "With every file" },
    ],
  },
  diff: {
    summary: "Show what differs between two packages",
    description: [
      "Compares metadata, keys, launchers, slots and the files in them. A difference is an answer and no error, so the exit code is 0; with --exit-code it is 4 when the packages differ. Errors have their own codes either way.",
    ],
    operands: [
      { name: "before", value: "A", help: "A package" },
      { name: "after", value: "B", help: "The package to compare it with" },
    ],
    flags: {
      "exit-code": {
        kind: "switch",
        help: "End with 4 when the packages differ",
      },
    },
    examples: [
      { line: "flavor diff old.psp new.psp", does: "What changed" },
    ],
  },
  extract: {
    summary: "Extract one slot",
    operands: [
      PACKAGE,
      { name: "slot", value: "SLOT", help: "The slot's number or id" },
      {
        name: "output",
        value: "OUT",
        help: "The file, or for an archive the directory, to create",
      },
    ],
    flags: {
      force: FORCE,
      raw: { kind: "switch", help: "Write the stored bytes, not decoded" },
    },
    examples: [
      { line: "flavor extract app.psp 0 out", does: "Extract the first slot" },
    ],
  },
  "extract-all": {
    summary: "Extract every slot",
    description: [
      "The directory gets the layout that the application sees when it runs.",
    ],
    operands: [
      PACKAGE,
      { name: "output", value: "DIR", help: "The directory to create" },
    ],
    flags: {
      force: FORCE,
      raw: {
        kind: "switch",
        help: "Write the stored bytes of each slot and the metadata",
      },
    },
    examples: [
      { line: "flavor extract-all app.psp out", does: "Extract everything" },
    ],
  },
  keygen: {
    summary: "Make an Ed25519 key pair",
    operands: [],
    flags: {
      "out-dir": {
        kind: "text",
        value: "DIR",
        default: "keys",
        help: "Where flavor-private.key and flavor-public.key go",
      },
      force: FORCE,
    },
    examples: [
      { line: "flavor keygen", does: "Write keys/flavor-private.key" },
    ],
  },
  "helpers list": {
    summary: "List the native helpers of this machine",
    operands: [],
    flags: {},
    examples: [{ line: "flavor helpers list", does: "Path, platform, size" }],
  },
  "helpers info": {
    summary: "Show one helper: platform, version, size, digest",
    operands: [{
      name: "helper",
      value: "NAME",
      help: "A helper's name or path",
    }],
    flags: {},
    examples: [{
      line: "flavor helpers info flavor-rs-launcher-linux_amd64",
      does: "Everything about one helper",
    }],
  },
  "helpers build": {
    summary: "Build the launcher from its sources, in a checkout",
    operands: [],
    flags: {
      force: {
        kind: "switch",
        short: "f",
        help: "Build even when nothing changed",
      },
    },
    examples: [{ line: "flavor helpers build", does: "Fill dist/bin" }],
  },
  "helpers test": {
    summary: "Pack and run a tiny application with each launcher",
    description: [
      "Launchers for other platforms are named and skipped; a builder is asked for its version.",
    ],
    operands: [],
    flags: {},
    examples: [{
      line: "flavor helpers test",
      does: "Start a package with every launcher that runs here",
    }],
  },
  "helpers clean": {
    summary: "Remove the helpers that were built in this checkout",
    operands: [],
    flags: {},
    examples: [{ line: "flavor helpers clean", does: "Empty dist/bin" }],
  },
  "workenv list": {
    summary: "List the workenvs in the cache",
    operands: [],
    flags: {},
    examples: [{ line: "flavor workenv list", does: "Newest first" }],
  },
  "workenv info": {
    summary: "Show where the cache is and how large it is",
    operands: [],
    flags: {},
    examples: [{ line: "flavor workenv info --json", does: "For programs" }],
  },
  "workenv inspect": {
    summary: "Show one workenv",
    operands: [{ name: "id", value: "ID", help: "Its id, as listed" }],
    flags: {},
    examples: [{
      line: "flavor workenv inspect 0123456789abcdef0123456789abcdef",
      does: "Package, size, state",
    }],
  },
  "workenv remove": {
    summary: "Remove one workenv",
    operands: [{ name: "id", value: "ID", help: "Its id, as listed" }],
    flags: {},
    examples: [{
      line: "flavor workenv remove 0123456789abcdef0123456789abcdef",
      does: "Free its space; the next start fills it again",
    }],
  },
  "workenv clean": {
    summary: "Remove workenvs that nothing runs from",
    operands: [],
    flags: {
      "older-than": {
        kind: "text",
        value: "AGE",
        help: "Only those not filled since, such as 12h, 30d or 4w",
      },
      "max-size": {
        kind: "text",
        value: "SIZE",
        help: "The oldest first, until the rest fits, such as 500M or 2G",
      },
      "dry-run": { kind: "switch", help: "Show what would be removed" },
    },
    description: [
      "Without --older-than and --max-size, every workenv that nothing runs from is removed.",
    ],
    examples: [
      { line: "flavor workenv clean --older-than 30d", does: "By age" },
      { line: "flavor workenv clean --max-size 2G", does: "By size" },
    ],
  },
  completions: {
    summary: "Print a script that completes flavor's command line",
    operands: [{
      name: "shell",
      value: "SHELL",
      help: "The shell: bash, zsh or fish",
      choices: ["bash", "zsh", "fish"],
    }],
    flags: {},
    description: [
      "Load it with source <(flavor completions bash), or the same with zsh; for fish, write it to ~/.config/fish/completions/flavor.fish.",
    ],
    examples: [
      { line: "flavor completions bash", does: "The script for bash" },
    ],
  },
  init: {
    summary: "Write a commented manifest that packs as it is",
    operands: [],
    flags: {
      template: {
        kind: "text",
        value: "NAME",
        choices: ["script", "directory"],
        default: "script",
        help: "What kind of application it is",
      },
      force: FORCE,
    },
    examples: [
      { line: "flavor init", does: "Write flavor.toml and a first program" },
    ],
  },
} as const satisfies Record<string, CommandSpec>;

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;
