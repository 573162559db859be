import { listMembers, type MemberList } from "../archive/list_members.ts";
import { packedMode } from "../archive/mode_rule.ts";
import { PspfError } from "../errors.ts";
import type { OperationCode } from "../format/operation.ts";
import type { OperationChain } from "../format/operation_chain.ts";
import type { FileTree } from "../io/file_tree.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { SlotPlan } from "../manifest/build_plan.ts";
import {
  type ChoiceFacts,
  chooseForDirectory,
  chooseForFile,
} from "./choose_operations.ts";
import { detectEncoding, DETECTION_SIZE } from "./detect_encoding.ts";
import {
  checkPortableFile,
  checkPortableOperations,
} from "./portable_rules.ts";
import type { SlotSource, SlotSourceOpener } from "./slot_source.ts";

/** A slot whose source has been found, and whose operations are settled. */
export interface OpenedSlot {
  /** The plan. */
  readonly plan: SlotPlan;
  /** Position in the package. */
  readonly index: number;
  /** The chain that the slot is labelled with. */
  readonly operations: OperationChain;
  /** Target in the metadata. */
  readonly target: string;
  /** Permission bits in the metadata. */
  readonly permissions: number;
  /** Bytes that will be read. */
  readonly inputSize: number;
  /** What to read. */
  readonly input: SlotInput;
  /** What is odd, but not wrong. */
  readonly warnings: readonly string[];
}

/** Where the bytes of a slot come from. */
export type SlotInput =
  | {
    readonly kind: "file";
    readonly bytes: RandomAccessSource;
    /** Operations that are left to do; the others are done already. */
    readonly remaining: readonly OperationCode[];
  }
  | {
    readonly kind: "directory";
    readonly tree: FileTree;
    readonly list: MemberList;
  };

/**
 * Counts what a slot packs.
 *
 * @param slot The opened slot.
 * @returns The number of files.
 */
export function countFiles({ input }: OpenedSlot): number {
  return input.kind === "file"
    ? 1
    : input.list.members.filter(({ kind }) => kind === "file").length;
}

/** What opening a slot depends on. */
export interface OpenSlotOptions extends ChoiceFacts {
  /** Finds the source. */
  readonly openSource: SlotSourceOpener;
  /** Stops the listing. */
  readonly signal?: AbortSignal;
}

const WORKENV = "{workenv}";

/** Mode that archives are labelled with; their members have their own. */
const ARCHIVE_PERMISSIONS = 0o600;

/**
 * Finds the source of a slot and settles everything that can be known without
 * reading it, so that a build with a mistake fails before it starts.
 *
 * @param plan The plan of the slot.
 * @param options Position, profile, and how to find sources.
 * @returns The opened slot; a file has to be closed by the caller.
 * @throws {PspfError} `io/not-found`, `manifest/invalid`, `build/failed`,
 * `build/limit`
 */
export async function openSlot(
  plan: SlotPlan,
  options: OpenSlotOptions,
): Promise<OpenedSlot> {
  const source = await options.openSource(plan.source, plan.id);
  if (source.kind === "directory") {
    return await openDirectory(plan, source.tree, options);
  }
  try {
    return await openFile(plan, source, options);
  } catch (error) {
    await source.bytes[Symbol.asyncDispose]();
    throw error;
  }
}

async function openDirectory(
  plan: SlotPlan,
  tree: FileTree,
  options: OpenSlotOptions,
): Promise<OpenedSlot> {
  const { index, portable, signal } = options;
  const operations = chooseForDirectory(plan, options);
  if (portable) checkPortableOperations(plan, index, operations);
  if (/[{}]/.test(plan.target)) {
    throw wrongTarget(
      plan,
      index,
      "has a placeholder, which cannot be put into an archive",
    );
  }
  const list = await listMembers(tree, {
    include: plan.include,
    exclude: plan.exclude,
    prefix: plan.target,
    modes: plan.modes,
    portable,
    ...(signal === undefined ? {} : { signal }),
  });
  const warnings = list.unusedPatterns.map((pattern) =>
    `slots[${index}].include "${pattern}" matches nothing in ${plan.source}`
  );
  return {
    plan,
    index,
    operations,
    target: WORKENV,
    permissions: plan.permissions ?? ARCHIVE_PERMISSIONS,
    inputSize: list.contentSize,
    input: { kind: "directory", tree, list },
    warnings,
  };
}

async function openFile(
  plan: SlotPlan,
  source: Extract<SlotSource, { kind: "file" }>,
  options: OpenSlotOptions,
): Promise<OpenedSlot> {
  const { index, portable, signal } = options;
  const { bytes, mode } = source;
  const head = await bytes.read(
    0,
    Math.min(bytes.size, DETECTION_SIZE),
    signal === undefined ? {} : { signal },
  );
  const encoding = detectEncoding(head);
  const choice = chooseForFile(plan, bytes.size, encoding, options);
  const { operations, remaining } = choice;
  if (portable) {
    checkPortableOperations(plan, index, operations);
    checkPortableFile(plan, operations, encoding);
  }
  const warnings: string[] = [];
  const at = `slots[${index}]`;
  if (plan.include.length + plan.exclude.length > 0) {
    const key = plan.include.length > 0 ? "include" : "exclude";
    warnings.push(`${at}.${key} has no effect: ${plan.source} is a file`);
  }
  if (operations.isArchive && plan.target !== "") {
    warnings.push(
      `${at}.target has no effect: archives are unpacked into the workenv itself`,
    );
  }
  if (!operations.isArchive && plan.target === "") {
    throw wrongTarget(plan, index, "is the workenv, but the source is a file");
  }
  return {
    plan,
    index,
    operations,
    target: operations.isArchive ? WORKENV : plan.target,
    permissions: plan.permissions ??
      (operations.isArchive
        ? ARCHIVE_PERMISSIONS
        : packedMode(mode, plan.modes)),
    inputSize: bytes.size,
    input: { kind: "file", bytes, remaining },
    warnings,
  };
}

function wrongTarget(plan: SlotPlan, index: number, what: string): PspfError {
  const path = `slots[${index}].target`;
  return new PspfError(
    "manifest/invalid",
    `Cannot build slot "${plan.id}": its target ${what}`,
    {
      context: { slot: plan.id, problems: [{ path, message: what }] },
      hint: 'Write the path of a file like "bin/app", or a directory',
    },
  );
}
