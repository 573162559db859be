import { PLATFORMS } from "../launchers/platform.ts";
import { DEFAULT_VERIFY_LEVEL, VERIFY_LEVELS } from "../read/check_log.ts";
import type { CommandSpec, FlagSpec, OperandSpec } from "./command_spec.ts";
import { LOG_LEVELS } from "./output.ts";

type More = Omit<Partial<FlagSpec>, "kind" | "help">;

/** A flag without a value. */
const flag = <const M extends More>(help: string, more?: M) =>
  ({ kind: "switch", help, ...more as M }) as const;
/** A flag with a value. */
const text = <const M extends More>(value: string, help: string, more?: M) =>
  ({ kind: "text", value, help, ...more as M }) as const;
/** An operand. */
const operand = <
  const N extends string,
  const M extends Omit<Partial<OperandSpec>, "name">,
>(name: N, value: string, help: string, more?: M) =>
  ({ name, value, help, ...more as M }) as const;

/** What a Deno program may do, all of it or only to what is named. */
const permission = <const N extends string>(
  name: N,
  value: string,
  what: string,
) => {
  const help = `Let a Deno program ${what}: all, or only those named`;
  const spec = { ...text(value, help), kind: "optional" } as const;
  return { [`allow-${name}`]: spec } as { [K in `allow-${N}`]: typeof spec };
};

const FORCE = flag("Replace what exists", { short: "f" });
const PACKAGE = operand(
  "package",
  "PKG",
  "The package: a file, https://… or oci://…",
);
// deno-fmt-ignore: one row for each flag, as in all the tables below
const TRUSTED_KEY = {
  ...text("KEY", "Accept only this public key: a file, PEM text or a fingerprint; may be given several times", { env: "FLAVOR_TRUSTED_KEYS" }),
  kind: "list",
} as const;
// deno-fmt-ignore
const PLAIN_HTTP = flag("Allow plain HTTP to registries on other machines as well");
// deno-fmt-ignore
/** What reading a package takes, wherever it is: a file, a web server or a registry. */
const AFAR = {
  download: flag("Fetch the whole package first, from a web server that cannot send parts of files"),
  "plain-http": PLAIN_HTTP,
} as const;
// deno-fmt-ignore
const WORKENV = operand("id", "ID", "Its id, the first digits of the id, or the name of its package");

// deno-fmt-ignore
/** Flags that every command takes. */
export const GLOBAL_FLAGS = {
  help: flag("Show help and exit", { short: "h" }),
  version: flag("Show the version and exit", { short: "V" }),
  json: flag("Print exactly one JSON object; errors as well, on standard error"),
  quiet: flag("Print only errors and what was asked for", { short: "q" }),
  progress: flag("Draw a progress bar when standard error is a terminal", { default: true }),
  color: text("WHEN", "When to use colours; auto respects NO_COLOR", { choices: ["auto", "always", "never"], default: "auto" }),
  "log-level": text("LEVEL", "How much to log on standard error; debug names every file and choice", { env: "FLAVOR_LOG_LEVEL", choices: LOG_LEVELS, default: "info" }),
  directory: text("DIR", "Work as if started in this directory", { short: "C" }),
  debug: flag("Show stack traces of errors"),
} as const satisfies Record<string, FlagSpec>;

/** What the commands of a group have in common. */
export const GROUPS: Readonly<Record<string, string>> = {
  helpers:
    "Native programs that packages need: launchers, which start them, and builders, which pack where there is no Deno",
  key: "Keys that packages are signed with",
  workenv:
    "The cache of workenvs, the directories that packages extract themselves into",
};

// deno-fmt-ignore
const DENO_PERMISSIONS = {
  "allow-all": flag("Let a Deno program do everything"),
  ...permission("read", "PATHS", "read files"),
  ...permission("write", "PATHS", "write files"),
  ...permission("net", "HOSTS", "use the network"),
  ...permission("env", "NAMES", "read environment variables"),
  ...permission("run", "PROGRAMS", "start programs"),
  ...permission("sys", "NAMES", "ask about the machine"),
  ...permission("ffi", "PATHS", "load libraries"),
} as const;

// deno-fmt-ignore
const PACK_FLAGS = {
  manifest: text("FILE", "The same as PATH", { short: "m" }),
  as: text("KIND", "What kind of project it is, if that is not clear", { choices: ["python", "node", "deno", "binary"] }),
  entry: text("ENTRY", "What a project starts: the name of a script, module:function, a module or a file"),
  runtime: text("RUNTIME", "The interpreter of a project: python@3.12, node@22, deno@2.9, or the path of an installation"),
  include: { ...text("GLOB", "Pack only these files of a project; may be given several times"), kind: "list" },
  exclude: { ...text("GLOB", "Leave out these files of a project; may be given several times"), kind: "list" },
  ...DENO_PERMISSIONS,
  output: text("FILE", "The package; by default dist/<name>.psp beside the manifest. A dash means standard output", { short: "o" }),
  "launcher-bin": text("FILE", "The launcher; by default $FLAVOR_LAUNCHER_BIN, else flavor's for the target, else the Go launcher for it"),
  "builder-bin": text("FILE", "Have this native builder write the package, in the portable profile unless it is flavor's; what it wrote is verified", { env: "FLAVOR_BUILDER_BIN" }),
  builder: text("WHICH", "What writes the package if --builder-bin names nothing: this program itself, or the native builder for this machine, flavor's or else Go's", { choices: ["built-in", "native"], default: "built-in" }),
  target: { ...text("PLATFORM", "Platform to pack for; may be given several times. By default the launcher's, else this machine's", { choices: [...PLATFORMS, "all"] }), kind: "list" },
  "private-key": text("FILE", "Ed25519 key to sign with: PKCS#8 PEM, or 32 or 64 raw bytes; a dash means standard input. By default $FLAVOR_PRIVATE_KEY (PEM text), else keys/flavor-private.key beside the manifest"),
  "public-key": text("FILE", "Refuse to pack unless the private key belongs to this one"),
  "key-seed": text("TEXT", 'Sign with the key made from this text; "env" takes it from FLAVOR_KEY_SEED'),
  portable: flag("Write only what launchers of other products understand"),
  verify: flag("Verify the package before it gets its name", { default: true }),
  preflight: flag("Check that the package can start on its target", { default: true }),
  smoke: { ...text("ARGS", "Start the package with these arguments, an empty cache and an empty environment, and require exit code 0"), kind: "optional" },
  "allow-secrets": flag("Pack files that are private keys"),
  "workenv-base": text("DIR", "What {workenv} stands for in the sources of slots", { env: "FLAVOR_WORKENV_BASE" }),
  jobs: { ...text("N", "How many blocks to compress in parallel; by default one per processor", { short: "j", least: 1 }), kind: "number" },
  "cache-dir": text("DIR", "Keep compressed frames here, so that only what changed is compressed again", { env: "FLAVOR_SLOT_CACHE" }),
  "cache-size": { ...text("SIZE", "The most that --cache-dir may hold; what was used longest ago is removed first", { default: "4G" }), kind: "size" },
  "dry-run": flag("Show the plan and write nothing"),
} as const;

// deno-fmt-ignore
/** Every command, in the order of `--help`. */
export const COMMANDS = {
  init: {
    summary: "Write a commented manifest that packs as it is",
    description: ["In a project's directory, this writes the manifest that flavor pack would use, with the content of its slots in .flavor/, so that you can continue by hand."],
    operands: [],
    flags: {
      as: PACK_FLAGS.as,
      entry: PACK_FLAGS.entry,
      runtime: PACK_FLAGS.runtime,
      template: text("NAME", "What kind of application it is", { choices: ["script", "directory"], default: "script" }),
      force: FORCE,
    },
    anywhere: true,
    examples: [{ line: "flavor init", does: "Write flavor.toml and a first program" }],
    load: async () => (await import("./commands/init.ts")).runInit,
  },
  pack: {
    summary: "Pack an application into one signed executable file",
    description: [
      "PATH is a manifest, the directory of a project, or a program. In a directory, flavor.toml and flavor.json come first, then pyproject.toml, package.json and deno.json: the interpreter, the dependencies and the application are gathered, checked and packed, so that a start downloads and installs nothing.",
      "Encodes the slots, signs the package, verifies the result and only then gives it its name. A build that fails or is interrupted leaves no file behind and does not touch an existing one.",
      "Without a key the package is signed with one made for this build, which proves that nothing was changed, but not who packed it.",
    ],
    operands: [operand("path", "PATH", "A manifest, the directory of a project or a program; by default this directory", { optional: true })],
    flags: PACK_FLAGS,
    examples: [
      { line: "flavor pack", does: "Pack the manifest or the project in this directory" },
      { line: "flavor pack ./tool", does: "Pack one program" },
      { line: "flavor pack -m app/flavor.toml -o app.psp --private-key keys/flavor-private.key", does: "Name the manifest, the output and the key" },
    ],
    load: async () => (await import("./commands/pack.ts")).runPack,
  },
  run: {
    summary: "Verify a package, then start it",
    description: [
      "Every byte is checked here before anything of the package runs, so the answer does not depend on the launcher inside it. Name a key that you trust to know who packed it.",
      "A remote package is fetched once, and kept in the cache under its digest. Options of flavor come before PKG; everything after it belongs to the application.",
    ],
    operands: [PACKAGE],
    rest: "ARGS",
    flags: { "trusted-key": TRUSTED_KEY, "plain-http": PLAIN_HTTP },
    examples: [
      { line: "flavor run app.psp serve --port 8080", does: "Verify, then start with arguments" },
      { line: "flavor run --trusted-key keys/flavor-public.key app.psp", does: "Start it only if this key signed it" },
    ],
    load: async () => (await import("./commands/run.ts")).runRun,
  },
  verify: {
    summary: "Verify packages: check every byte, and name each check",
    description: [
      "The last line about a package says who signed it, and whether you trust that key. With --quiet only failures are printed.",
    ],
    operands: [operand("packages", "PKG", "The packages: files, https://… or oci://…", { many: true })],
    flags: {
      "trusted-key": TRUSTED_KEY,
      ...AFAR,
      level: text("LEVEL", "How much must be proved; strict also requires a seal", { env: "FLAVOR_VALIDATION", choices: VERIFY_LEVELS, default: DEFAULT_VERIFY_LEVEL }),
    },
    examples: [
      { line: "flavor verify app.psp --trusted-key keys/flavor-public.key", does: "Check integrity and origin" },
      { line: "flavor verify --quiet dist/one.psp dist/two.psp", does: "Check several and print only failures" },
    ],
    load: async () => (await import("./commands/verify.ts")).runVerify,
  },
  inspect: {
    summary: "Show what is inside a package",
    operands: [PACKAGE],
    flags: { tree: flag("Read every slot and show its files as a tree"), ...AFAR },
    examples: [
      { line: "flavor inspect app.psp", does: "Sizes, slots, key, command" },
      { line: "flavor inspect app.psp --json", does: "The same as JSON, for programs" },
      { line: "flavor inspect app.psp --tree", does: "The same, with every file" },
    ],
    load: async () => (await import("./commands/inspect.ts")).runInspect,
  },
  diff: {
    summary: "Show what differs between two packages",
    description: [
      "Compares metadata, keys, launchers, slots and the files in them. A difference is an answer and not an error, so the exit code is 0; with --exit-code it is 4 when the packages differ. Errors have their own codes in both cases.",
    ],
    operands: [operand("before", "A", "A package"), operand("after", "B", "The package to compare it with")],
    flags: { "exit-code": flag("End with 4 when the packages differ"), ...AFAR },
    examples: [{ line: "flavor diff old.psp new.psp", does: "What changed" }],
    load: async () => (await import("./commands/diff.ts")).runDiff,
  },
  extract: {
    summary: "Extract one slot",
    description: ["A slot goes to standard output only after its digest has been checked; an archive comes out as tar."],
    operands: [
      PACKAGE,
      operand("slot", "SLOT", "The slot's number or id"),
      operand("output", "OUT", "The file, or for an archive the directory, to create; a dash means standard output"),
    ],
    flags: {
      force: FORCE,
      raw: flag("Write the stored bytes without decoding them"),
      file: text("PATH", "Only this file of the slot, by its path in the workenv; from a remote package, little more than the file is fetched"),
      ...AFAR,
    },
    examples: [
      { line: "flavor extract app.psp 0 out", does: "Extract the first slot" },
      { line: "flavor extract https://example.com/app.psp 0 - --file app/README", does: "Read one file of a remote package" },
      { line: "flavor extract app.psp config -", does: "Write a slot to standard output" },
    ],
    load: async () => (await import("./commands/extract.ts")).runExtract,
  },
  "extract-all": {
    summary: "Extract every slot",
    description: ["The directory gets the layout that the application sees when it runs."],
    operands: [PACKAGE, operand("output", "DIR", "The directory to create")],
    flags: { force: FORCE, raw: flag("Write the stored bytes of each slot, and the metadata"), ...AFAR },
    examples: [{ line: "flavor extract-all app.psp out", does: "Extract everything" }],
    load: async () => (await import("./commands/extract.ts")).runExtractAll,
  },
  push: {
    summary: "Push packages to an OCI registry",
    description: [
      "The package is verified first. What the registry already has is not sent: for a new version, only the slots that changed are. Several packages, one per platform, are pushed under one name.",
      "Credentials come from the config.json of other tools and their credential helpers.",
    ],
    operands: [operand("packages", "PKG… REF", "The packages, then where they go: HOST/REPOSITORY:TAG", { many: true })],
    flags: {
      "mount-from": { ...text("REPOSITORY", "Another repository of the registry that may have some of it already; may be given several times"), kind: "list" },
      "trusted-key": TRUSTED_KEY,
      "plain-http": PLAIN_HTTP,
    },
    examples: [
      { line: "flavor push app.psp localhost:5000/team/app:1.0.0", does: "Push one package" },
      { line: "flavor push app-linux.psp app-macos.psp localhost:5000/team/app:1.0.0", does: "Push one package per platform under one name" },
    ],
    load: async () => (await import("./commands/registry.ts")).runPush,
  },
  pull: {
    summary: "Pull a package from an OCI registry",
    description: ["The file is the one that was pushed, byte for byte. It is verified before it gets its name."],
    operands: [operand("reference", "REF", "Where it is: HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST")],
    flags: {
      output: text("FILE", "The file; by default the last part of the repository's name, with .psp", { short: "o" }),
      target: text("PLATFORM", "Platform to pull if there are several; by default this machine's", { choices: PLATFORMS }),
      "trusted-key": TRUSTED_KEY,
      force: FORCE,
      "plain-http": PLAIN_HTTP,
    },
    examples: [
      { line: "flavor pull localhost:5000/team/app:1.0.0", does: "Write app.psp" },
      { line: "flavor pull localhost:5000/team/app:1.0.0 --trusted-key keys/flavor-public.key -o app", does: "Pull it only if this key signed it" },
    ],
    load: async () => (await import("./commands/registry.ts")).runPull,
  },
  serve: {
    summary: "Show packages in a browser, which verifies them itself",
    description: [
      "Prints the address of a page and of an API for programs, and serves them until it is stopped. Packages appear and vanish with the files in the directories. Nothing is ever written, and nothing of a package runs.",
      "Only programs on this machine can connect, unless --host says otherwise.",
    ],
    operands: [operand("paths", "PATH", "Packages, or directories that hold them", { many: true })],
    flags: {
      host: text("HOST", "The address to listen on", { default: "127.0.0.1" }),
      port: { ...text("PORT", "The port to listen on; 0 takes one that is free", { least: 0, most: 65535, default: "8017" }), kind: "number" },
      open: flag("Open the page in a browser"),
      "trusted-key": TRUSTED_KEY,
    },
    examples: [
      { line: "flavor serve dist", does: "Show the packages in a directory" },
      { line: "flavor serve --open --trusted-key keys/flavor-public.key dist", does: "Also show whether this key signed each of them" },
    ],
    load: async () => (await import("./commands/serve.ts")).runServe,
  },
  site: {
    summary: "Write the page of flavor serve as files for any web server",
    description: [
      "The page verifies packages in the visitor's browser, as with flavor serve. Any web server works; one that supports ranges is better, because the page then reads only what it needs.",
    ],
    operands: [operand("source", "PATH", "A directory with packages, or one package"), operand("output", "OUT", "The directory to create")],
    flags: { force: FORCE, "trusted-key": TRUSTED_KEY },
    examples: [{ line: "flavor site dist public", does: "Write everything that a web server needs" }],
    load: async () => (await import("./commands/site.ts")).runSite,
  },
  keygen: {
    summary: "Make an Ed25519 key pair",
    operands: [],
    flags: { "out-dir": text("DIR", "Where flavor-private.key and flavor-public.key go", { default: "keys" }), force: FORCE },
    examples: [{ line: "flavor keygen", does: "Write keys/flavor-private.key" }],
    load: async () => (await import("./commands/keygen.ts")).runKeygen,
  },
  "helpers list": {
    summary: "List the launchers and builders on this machine",
    operands: [],
    flags: {},
    examples: [{ line: "flavor helpers list", does: "Path, platform, size" }],
    load: async () => (await import("./commands/helpers.ts")).runHelpersList,
  },
  "helpers info": {
    summary: "Show one helper: platform, version, size, digest",
    operands: [operand("helper", "NAME", "A helper's name, or the path of any file")],
    flags: {},
    examples: [{ line: "flavor helpers info flavor-rs-launcher-linux_amd64", does: "Everything about one helper" }],
    load: async () => (await import("./commands/helpers.ts")).runHelpersInfo,
  },
  "helpers build": {
    summary: "Build the launcher or the builder for this machine from a checkout",
    operands: [],
    flags: {
      builder: flag("Build the native builder instead of the launcher"),
      force: flag("Build even if nothing changed", { short: "f" }),
    },
    examples: [
      { line: "flavor helpers build", does: "Put the launcher into dist/bin" },
      { line: "flavor helpers build --builder", does: "Put the native builder into dist/bin" },
    ],
    load: async () => (await import("./commands/helpers.ts")).runHelpersBuild,
  },
  "helpers fetch": {
    summary: "Fetch launchers of this version from its release",
    description: ["They go to your data directory, where flavor pack --target finds them. Their digests are part of this program."],
    operands: [operand("platform", "PLATFORM", "The platform, or all of them", { choices: [...PLATFORMS, "all"] })],
    flags: {},
    examples: [{ line: "flavor helpers fetch linux_arm64", does: "Get the launcher for another platform" }],
    load: async () => (await import("./commands/helpers.ts")).runHelpersFetch,
  },
  "helpers test": {
    summary: "Pack and run a tiny application with each launcher",
    description: ["Each builder builds the same application, and the result is verified. Helpers for other platforms are listed and skipped."],
    operands: [],
    flags: {},
    examples: [{ line: "flavor helpers test", does: "Start a package with every launcher that runs here" }],
    load: async () => (await import("./commands/helpers.ts")).runHelpersTest,
  },
  "helpers clean": {
    summary: "Remove the helpers that were built in this checkout",
    operands: [],
    flags: {},
    examples: [{ line: "flavor helpers clean", does: "Empty dist/bin" }],
    load: async () => (await import("./commands/helpers.ts")).runHelpersClean,
  },
  "key show": {
    summary: "Show the fingerprint of a key, or of the key that signed a package",
    operands: [operand("file", "FILE", "A private or public key, or a package")],
    flags: {},
    examples: [
      { line: "flavor key show keys/flavor-public.key", does: "The fingerprint that others trust" },
      { line: "flavor key show app.psp", does: "Who signed it" },
    ],
    load: async () => (await import("./commands/key.ts")).runKeyShow,
  },
  sign: {
    summary: "Sign a finished package again, with another key",
    description: [
      "The package is verified first, and not signed if it was changed since it was packed. Only the last 8200 bytes of the file are rewritten; slots, metadata and launcher stay as they are, and so do the workenvs of users who started it before.",
    ],
    operands: [PACKAGE],
    flags: {
      output: text("FILE", "Where the signed package goes; by default it replaces the original", { short: "o" }),
      "private-key": PACK_FLAGS["private-key"],
      "public-key": PACK_FLAGS["public-key"],
      "key-seed": PACK_FLAGS["key-seed"],
    },
    examples: [{ line: "flavor sign app.psp --private-key keys/flavor-private.key", does: "Replace the key that was made for one build with your own" }],
    load: async () => (await import("./commands/key.ts")).runSign,
  },
  sbom: {
    summary: "Show what a package is made of: interpreter, dependencies, licences, digests",
    description: ["Packages of projects carry a CycloneDX document as a signed slot that is never extracted."],
    operands: [PACKAGE],
    flags: {
      format: text("FORMAT", "The document's format", { choices: ["cyclonedx", "spdx"], default: "cyclonedx" }),
      ...AFAR,
    },
    examples: [
      { line: "flavor sbom app.psp", does: "Print CycloneDX 1.6, as it was signed" },
      { line: "flavor sbom app.psp --format spdx", does: "Print it as SPDX 2.3" },
    ],
    load: async () => (await import("./commands/sbom.ts")).runSbom,
  },
  "workenv list": {
    summary: "List the workenvs in the cache",
    operands: [],
    flags: {},
    examples: [{ line: "flavor workenv list", does: "Newest first" }],
    load: async () => (await import("./commands/workenv.ts")).runWorkenvList,
  },
  "workenv info": {
    summary: "Show where the cache is and how large it is",
    operands: [],
    flags: {},
    examples: [{ line: "flavor workenv info --json", does: "For programs" }],
    load: async () => (await import("./commands/workenv.ts")).runWorkenvInfo,
  },
  "workenv inspect": {
    summary: "Show one workenv",
    operands: [WORKENV],
    flags: {},
    examples: [{ line: "flavor workenv inspect 0123abcd", does: "Package, size, state" }],
    load: async () => (await import("./commands/workenv.ts")).runWorkenvInspect,
  },
  "workenv remove": {
    summary: "Remove one workenv",
    operands: [WORKENV],
    flags: {},
    examples: [{ line: "flavor workenv remove 0123abcd", does: "Free its space; the next start fills it again" }],
    load: async () => (await import("./commands/workenv.ts")).runWorkenvRemove,
  },
  "workenv repair": {
    summary: "Unpack a workenv again, from the package that filled it",
    description: ["The package is verified first. Lost and changed files are restored, and configuration that you changed stays. Other files that were added are removed, unless the program is running."],
    operands: [WORKENV],
    flags: {},
    examples: [{ line: "flavor workenv repair 0123abcd", does: "Repair it in place, even while the program runs" }],
    load: async () => (await import("./commands/workenv.ts")).runWorkenvRepair,
  },
  "workenv clean": {
    summary: "Remove workenvs that are not in use",
    description: ["Without --older-than and --max-size, every workenv that is not in use is removed."],
    operands: [],
    flags: {
      "older-than": { ...text("AGE", "Remove only those filled longer ago than this, such as 12h, 30d or 4w"), kind: "age" },
      "max-size": { ...text("SIZE", "Remove the oldest until the others take no more than this, such as 500M or 2G"), kind: "size" },
      "dry-run": flag("Show what would be removed"),
    },
    examples: [
      { line: "flavor workenv clean --older-than 30d", does: "By age" },
      { line: "flavor workenv clean --max-size 2G", does: "By size" },
    ],
    load: async () => (await import("./commands/workenv.ts")).runWorkenvClean,
  },
  completions: {
    summary: "Print or install a script that completes flavor's command line",
    description: [
      "Load it with source <(flavor completions bash), or the same with zsh. With --install it is written to where the shell looks for it. The shell's own configuration is never changed; if something has to be added to it, that is printed.",
    ],
    operands: [operand("shell", "SHELL", "The shell: bash, zsh or fish", { choices: ["bash", "zsh", "fish"] })],
    flags: { install: flag("Write it to your own completion directory") },
    anywhere: true,
    examples: [
      { line: "flavor completions bash", does: "Print the script for bash" },
      { line: "flavor completions fish --install", does: "Install it for fish" },
    ],
    load: async () => (await import("./commands/completions.ts")).runCompletions,
  },
  upgrade: {
    summary: "Replace this flavor with a newer release",
    description: [
      "For flavor as one executable file. The release must be signed by the key that this flavor knows, and the new file must start on this machine; until then the old one stays in place.",
    ],
    operands: [],
    flags: {
      check: flag("Only check whether there is a newer release"),
      to: text("VERSION", "Change to this version, which may be older; by default the newest"),
    },
    anywhere: true,
    examples: [
      { line: "flavor upgrade", does: "Upgrade to the newest release" },
      { line: "flavor upgrade --check --json", does: "For programs" },
    ],
    load: async () => (await import("./commands/upgrade.ts")).runUpgrade,
  },
} as const satisfies Record<string, CommandSpec>;
