import { PspfError } from "../errors.ts";
import { MAX_PORTABLE_SLOT_COUNT } from "../format/constants.ts";
import type {
  ExecutionMetadata,
  StringMap,
  WorkenvMetadata,
} from "../format/metadata.ts";
import { OperationChain } from "../format/operations.ts";
import { normalizeLifecycle } from "../format/slot_words.ts";
import type { BuildPlan, SlotSpec } from "../manifest/build_plan.ts";
import { quoteCommand } from "../manifest/quote_command.ts";
import type { DetectedEncoding } from "./choose_operations.ts";

/** Packed chains that every existing launcher can undo. */
const PORTABLE_CHAINS: ReadonlySet<bigint> = new Set(
  ["raw", "gzip", "tar", "tar.gz"].map((name) =>
    OperationChain.parse(name).encode()
  ),
);

/** Lifecycles that mean to existing launchers what they say. */
const PORTABLE_LIFECYCLES: ReadonlySet<string> = new Set([
  "runtime",
  "cache",
  "eager",
  "shutdown",
]);

/** Refuses operations that the existing launchers cannot undo. */
export function checkPortableOperations(
  spec: SlotSpec,
  index: number,
  operations: OperationChain,
): void {
  if (PORTABLE_CHAINS.has(operations.encode())) return;
  throw limit(
    `Cannot build slot "${spec.id}" in the portable profile: no existing launcher can undo "${operations}"`,
    `slots[${index}].operations`,
    "Use raw, gzip, tar or tar.gz, or a launcher of ours",
  );
}

/**
 * Refuses an archive that is to be stored as a file: the Go launcher unpacks
 * whatever looks like tar.
 */
export function checkPortableFile(
  spec: SlotSpec,
  operations: OperationChain,
  encoding: DetectedEncoding,
): void {
  if (operations.isArchive || !encoding.isTar) return;
  throw limit(
    `Cannot build slot "${spec.id}" in the portable profile: "${spec.source}" is a tar archive, which the Go launcher always unpacks`,
    spec.source,
    'Say operations = "tar" to have it unpacked, or use a launcher of ours',
  );
}

/** What a plan is rewritten for. */
export interface PortableFacts {
  /** `linux`, `darwin` or `windows`, as far as it is known. */
  readonly os: string;
  /** `amd64` or `arm64`, as far as it is known. */
  readonly arch: string;
  /** Takes what was changed, and what will not work everywhere. */
  readonly warn: (message: string) => void;
}

/**
 * Says a plan in the words of the existing launchers: what they cannot do is
 * written so that they can, or refused. Manifests of the existing builders have
 * lived with those launchers all along: they stay as they are, with warnings.
 */
export function portablePlan(plan: BuildPlan, facts: PortableFacts): BuildPlan {
  const { length } = plan.slots;
  if (length > MAX_PORTABLE_SLOT_COUNT) {
    throw limit(
      `Cannot build ${plan.package.name} in the portable profile: it has ${length} slots, the most is ${MAX_PORTABLE_SLOT_COUNT}`,
      "slots",
      "Use directories as slots, or a launcher of ours",
    );
  }
  const isForeign = plan.format === "json";
  const refuse: Refuse = (message, path, hint) => {
    if (!isForeign) throw limit(message, path, hint);
    facts.warn(`${path}: ${message}`);
  };
  checkLifecycles(plan, refuse);
  warnAboutOwnKeys(plan, facts);
  if (isForeign) return plan;
  const expand = expanderFor(plan, facts);
  const { workenv } = plan;
  return {
    ...plan,
    // Existing launchers extract every slot, but remove these before the start.
    slots: plan.slots.map((slot) =>
      isLazySbom(slot.lifecycle, slot.purpose)
        ? { ...slot, lifecycle: "init" }
        : slot
    ),
    execution: portableExecution(plan, expand, facts),
    workenv: withParents(plan, workenv && { ...workenv, env: {} }),
    setupCommands: plan.setupCommands.map((command, index) =>
      portableSetup(command, `setup_commands[${index}]`, expand)
    ),
  };
}

type Refuse = (message: string, path: string, hint: string) => void;

type Expand = (text: string) => string;

/** Existing launchers know few placeholders; the others are known already. */
function expanderFor(plan: BuildPlan, { os, arch }: PortableFacts): Expand {
  const placeOf = (index: number): string | undefined => {
    const slot = plan.slots[index];
    if (slot === undefined) return undefined;
    return slot.target === "" ? "{workenv}" : `{workenv}/${slot.target}`;
  };
  return (text) =>
    text.replaceAll(
      /\{(?:slot:(\d+)|(primary)|(os)|(arch)|(platform))\}/g,
      (whole, slot, primary, isOs, isArch) => {
        if (slot !== undefined) return placeOf(Number(slot)) ?? whole;
        if (primary) return placeOf(plan.execution.primarySlot) ?? whole;
        if (isOs) return os;
        return isArch ? arch : `${os}_${arch}`;
      },
    );
}

/**
 * One command line: existing launchers know neither `argv` nor `args`. They look
 * a path up by its last part, put nothing into variables and partly ignore
 * them, all of which `env` does for them.
 */
function portableExecution(
  { execution, workenv }: BuildPlan,
  expand: Expand,
  { os, warn }: PortableFacts,
): ExecutionMetadata {
  const { argv, args = [], command: written, env, ...rest } = execution;
  const base = expand(argv === undefined ? written : quoteCommand(argv));
  const line = args.length === 0
    ? base
    : `${base} ${expand(quoteCommand(args))}`;
  if (line === "") return { ...rest, command: "", env };
  const variables = { ...workenv?.env, ...env };
  const named = Object.entries(variables)
    .map(([name, value]) => [name, expand(value)] as const);
  const moved = named.filter(([name, value]) =>
    value.includes("{") || !Object.hasOwn(env, name)
  );
  const program = line.trim().split(/\s/)[0] ?? "";
  const needsEnv = os !== "windows" && program.includes("/") &&
    program !== "/usr/bin/env";
  if (moved.length > 0 && os === "windows") {
    throw limit(
      `Cannot pack the variable ${
        moved[0]?.[0]
      } in the portable profile: existing launchers put nothing into it, and Windows has no env to do it`,
      `execution.env.${moved[0]?.[0]}`,
      "Use a launcher of ours",
    );
  }
  const prefix = moved.length > 0 || needsEnv
    ? ["env", ...moved.map(([name, value]) => `${name}=${value}`)]
    : [];
  if (prefix.length > 0) {
    warn(
      `execution.command starts with env, because existing launchers look a program up by its last part and put nothing into variables`,
    );
  }
  const command = [...prefix, line].join(" ");
  if (
    /["'\\]/.test(line) || moved.some(([, value]) => /["'\\\s]/.test(value))
  ) {
    throw limit(
      "Cannot pack the command in the portable profile: the existing Rust launcher splits it at blanks and understands no quotes",
      "execution.command",
      "Start a script that holds the command, or use a launcher of ours",
    );
  }
  const kept = named.filter(([name]) =>
    !moved.some(([other]) => other === name)
  );
  return {
    ...rest,
    command,
    env: Object.fromEntries(kept) satisfies StringMap,
  };
}

interface SetupCommand {
  readonly type?: string;
  readonly command?: string;
  readonly path?: string;
}

function portableSetup(
  command: BuildPlan["setupCommands"][number],
  at: string,
  expand: Expand,
): BuildPlan["setupCommands"][number] {
  if (typeof command === "string") {
    // The Rust launcher takes objects only.
    return { type: "execute", command: expand(command) };
  }
  const { type = "execute" } = command as SetupCommand;
  if (type === "shell" || type === "chmod") {
    throw limit(
      `Cannot pack ${at} in the portable profile: ${
        type === "shell"
          ? "existing launchers have no shell"
          : "the existing Go launcher passes over chmod"
      }`,
      at,
      type === "shell"
        ? 'Pack a script and use type "execute" with "sh {workenv}/script.sh"'
        : 'Use type "execute" with "chmod 0755 {workenv}/file"',
    );
  }
  return Object.fromEntries(
    Object.entries(command ?? {}).map(([key, value]) => [
      key,
      typeof value === "string" && key !== "type" ? expand(value) : value,
    ]),
  );
}

/**
 * Puts variables into the command, for a builder that is not ours: Go's writes
 * them where only the Go launcher looks, and Rust's where only the Rust launcher
 * does.
 */
export function variablesInCommand(
  plan: BuildPlan,
  { os, warn }: Pick<PortableFacts, "os" | "warn">,
): BuildPlan {
  const { command, env } = plan.execution;
  const moved = Object.entries(env).filter(([, value]) =>
    os !== "windows" && !/["'\\\s]/.test(value)
  );
  const kept = Object.entries(env).filter(([name]) =>
    !moved.some(([other]) => other === name)
  );
  for (const [name] of kept) {
    warn(
      `execution.env.${name} may be lost: builders of other products write variables where not every launcher looks`,
    );
  }
  if (moved.length === 0) return plan;
  const words = moved.map(([name, value]) => `${name}=${value}`);
  return {
    ...plan,
    execution: {
      ...plan.execution,
      command: ["env", ...words, command].join(" "),
      env: Object.fromEntries(kept),
    },
  };
}

/** The Go launcher creates no directories for files that it writes. */
function withParents(
  { setupCommands }: BuildPlan,
  workenv: WorkenvMetadata | undefined,
): WorkenvMetadata | undefined {
  const directories = [...workenv?.directories ?? []];
  for (const command of setupCommands) {
    const { type, path } = (command ?? {}) as SetupCommand;
    const parent = /^(\{workenv\}\/.+)\/[^/]+$/.exec(path ?? "")?.[1];
    const isMissing = type === "write_file" && parent !== undefined &&
      !directories.some((one) => one.path === parent);
    if (isMissing) directories.push({ path: parent });
  }
  if (workenv === undefined && directories.length === 0) return undefined;
  return { ...workenv, env: workenv?.env ?? {}, directories };
}

function checkLifecycles(plan: BuildPlan, refuse: Refuse): void {
  for (const [index, { id, lifecycle, purpose }] of plan.slots.entries()) {
    if (isLazySbom(lifecycle, purpose)) continue;
    if (PORTABLE_LIFECYCLES.has(normalizeLifecycle(lifecycle))) continue;
    refuse(
      `Cannot build slot "${id}" in the portable profile: existing launchers ignore the lifecycle "${lifecycle}"`,
      `slots[${index}].lifecycle`,
      `Use ${[...PORTABLE_LIFECYCLES].join(", ")}, or a launcher of ours`,
    );
  }
}

/** The list of components is for people: it need not be there when the program starts. */
function isLazySbom(lifecycle: string, purpose: string): boolean {
  return lifecycle === "lazy" && purpose === "sbom";
}

function warnAboutOwnKeys(plan: BuildPlan, { warn }: PortableFacts): void {
  const keys = [
    ...(plan.execution.cwd === undefined ? [] : ["execution.cwd"]),
    ...(plan.workenv?.umask === undefined ? [] : ["workenv.umask"]),
    ...plan.setupCommands.flatMap((command, index) =>
      (command as { batch?: boolean }).batch === true
        ? [`setup_commands[${index}].batch`]
        : []
    ),
  ];
  for (const key of keys) warn(`${key} is unknown to existing launchers`);
}

function limit(message: string, path: string, hint: string): PspfError {
  return new PspfError("build/limit", message, { context: { path }, hint });
}
