import { PspfError } from "../errors.ts";
import type { ExecutionMetadata } from "../format/metadata.ts";
import { Operation, type OperationCode } from "../format/operation.ts";
import { OperationChain } from "../format/operation_chain.ts";
import type { BuildPlan, SlotPlan } from "../manifest/build_plan.ts";
import { quoteCommand } from "../manifest/quote_command.ts";
import type { DetectedEncoding } from "./detect_encoding.ts";

const { TAR, GZIP } = Operation;

const PORTABLE_CHAINS: readonly (readonly OperationCode[])[] = [
  [],
  [GZIP],
  [TAR],
  [TAR, GZIP],
];

/** Packed chains that every existing launcher can undo. */
const PACKED_CHAINS: ReadonlySet<bigint> = new Set(
  PORTABLE_CHAINS.map((codes) => new OperationChain(codes).encode()),
);

/**
 * Refuses operations that the existing launchers cannot undo.
 *
 * @param plan The plan of the slot.
 * @param index Position of the slot.
 * @param operations Its chain.
 * @throws {PspfError} `build/limit`
 */
export function checkPortableOperations(
  plan: SlotPlan,
  index: number,
  operations: OperationChain,
): void {
  if (PACKED_CHAINS.has(operations.encode())) return;
  throw new PspfError(
    "build/limit",
    `Cannot build slot "${plan.id}" in the portable profile: no existing launcher can undo "${operations}"`,
    {
      context: {
        slot: plan.id,
        path: `slots[${index}].operations`,
        actual: operations.toString(),
      },
      hint: "Use raw, gzip, tar or tar.gz, or a launcher of ours",
    },
  );
}

/**
 * Refuses an archive that is to be stored as a file: the Go launcher unpacks
 * whatever looks like tar.
 *
 * @param plan The plan of the slot.
 * @param operations Its chain.
 * @param encoding What its first bytes say.
 * @throws {PspfError} `build/limit`
 */
export function checkPortableFile(
  plan: SlotPlan,
  operations: OperationChain,
  encoding: DetectedEncoding,
): void {
  if (operations.isArchive || !encoding.isTar) return;
  throw new PspfError(
    "build/limit",
    `Cannot build slot "${plan.id}" in the portable profile: "${plan.source}" is a tar archive, which the Go launcher always unpacks`,
    {
      context: { slot: plan.id, source: plan.source },
      hint:
        'Say operations = "tar" to have it unpacked, or use a launcher of ours',
    },
  );
}

/**
 * Writes a command the way the existing launchers read it: they know neither
 * `argv` nor `args`, and one of them splits at blanks whatever the quotes.
 *
 * @param execution How the package is started.
 * @param warn Takes what will not work everywhere.
 * @returns The same with one command line.
 */
export function portableExecution(
  execution: ExecutionMetadata,
  warn: (message: string) => void,
): ExecutionMetadata {
  const { argv, args = [], command: written, ...rest } = execution;
  const base = argv === undefined ? written : quoteCommand(argv);
  const command = args.length === 0 ? base : `${base} ${quoteCommand(args)}`;
  if (/["'\\]/.test(command)) {
    warn(
      "execution.command has quotes, which the existing Rust launcher does not understand",
    );
  }
  const program = command.trim().split(/\s/)[0] ?? "";
  if (program.includes("/")) {
    warn(
      `execution.command begins with a path, which the existing launchers look up by its last part only; write "env ${program}"`,
    );
  }
  return { ...rest, command };
}

/**
 * Tells what a manifest asks for and only our launcher does.
 *
 * @param plan What the manifest says.
 * @param warn Takes what existing launchers pass over.
 */
export function warnAboutOwnKeys(
  plan: BuildPlan,
  warn: (message: string) => void,
): void {
  const keys = [
    ...(plan.execution.cwd === undefined ? [] : ["execution.cwd"]),
    ...(plan.workenv?.umask === undefined ? [] : ["workenv.umask"]),
    ...plan.setupCommands.flatMap((command, index) => {
      const { type, batch } = command as { type?: string; batch?: boolean };
      const at = `setup_commands[${index}]`;
      if (type === "shell") return [`${at}.type "shell"`];
      return batch === true ? [`${at}.batch`] : [];
    }),
  ];
  for (const key of keys) warn(`${key} is unknown to the existing launchers`);
}
