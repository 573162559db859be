import type { JsonValue } from "../../errors.ts";
import type { RandomAccessSource } from "../../io/random_access_source.ts";
import { extractSlot } from "../../read/slot_content.ts";
import {
  inspectPackage,
  type PackageSummary,
  type SlotSummary,
} from "../../read/mod.ts";
import { openPackage, SIGNED_FOR } from "../../read/open_package.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import {
  fileTreeText,
  type ListedFile,
  ListingTarget,
} from "../listed_files.ts";
import type { Output, Paint } from "../output.ts";
import {
  checkJson,
  openToLook,
  storedSize,
  warnOfChecks,
} from "../package_file.ts";
import { formatCount, formatSize, formatTable } from "../text.ts";

/**
 * `flavor inspect`. A package whose signature is bad is shown with a warning:
 * this command looks, `verify` judges.
 */
export async function runInspect(
  command: CommandOf<"inspect">,
  { host, output }: CommandContext,
): Promise<void> {
  const { package: path } = command.operands;
  await using source = await host.reader.openSource(path);
  const summary = await openToLook(source, inspectPackage);
  const contents = command.flags.tree
    ? await listContents(source, output)
    : undefined;
  warnOfChecks(summary.checks, "", output);
  output.result(
    summaryJson(summary, contents),
    () =>
      [
        summaryText(summary, output.paint),
        ...(contents ?? []).map((files, index) =>
          treeText(summary.slots[index]?.id ?? "", files, output.paint)
        ),
      ].join("\n"),
  );
}

type Contents = readonly (readonly ListedFile[])[];

/** Reads every slot through, so what is shown has the right digest. */
async function listContents(
  source: RandomAccessSource,
  output: Output,
): Promise<Contents> {
  const opened = await openPackage(source, { level: "relaxed" });
  using bar = output.progress("reading", storedSize(opened));
  const contents: (readonly ListedFile[])[] = [];
  for (const slot of opened.slots) {
    const target = new ListingTarget();
    await extractSlot(opened, slot, target, { onProgress: bar.add });
    contents.push(target.files);
  }
  return contents;
}

function treeText(
  id: string,
  files: readonly ListedFile[],
  paint: Paint,
): string {
  const count = files.filter(({ kind }) => kind === "file").length;
  return `\n${paint.strong(id)}  ${formatCount(count, "file")}\n${
    fileTreeText(files)
  }`;
}

function summaryJson(
  summary: PackageSummary,
  contents: Contents | undefined,
): JsonValue {
  const { execution } = summary;
  return {
    package: summary.name,
    format: "PSPF/2025",
    format_version: "0x20250001",
    size: summary.size,
    package_metadata: { ...summary.package },
    builder: summary.builder ?? null,
    built: summary.timestamp ?? null,
    sealed: summary.sealed,
    public_key: summary.publicKey,
    fingerprint: summary.fingerprint,
    launcher: summary.launcher ?? null,
    launcher_size: summary.launcherSize,
    metadata_size: summary.metadataSize.stored,
    metadata_plain_size: summary.metadataSize.plain,
    metadata_sha256: summary.metadataSha256,
    platform_signature: summary.platformSignature?.kind ?? null,
    execution: {
      command: execution.command,
      argv: execution.argv ?? null,
      args: execution.args ?? [],
      primary_slot: execution.primarySlot,
      env: execution.env,
    },
    slots: summary.slots.map((slot) => ({
      index: slot.index,
      name: slot.id,
      purpose: slot.purpose,
      lifecycle: slot.lifecycle,
      target: slot.target,
      source: slot.source,
      operations: slot.operations,
      offset: slot.offset,
      size: slot.size,
      original_size: slot.originalSize,
      permissions: slot.permissions,
      checksum: slot.checksum,
      ...(contents && {
        files: (contents[slot.index] ?? []).map((file) => ({ ...file })),
      }),
    })),
    checks: summary.checks.map(checkJson),
  };
}

function summaryText(summary: PackageSummary, paint: Paint): string {
  const { name, version, description } = summary.package;
  const { execution, platformSignature } = summary;
  const facts: readonly (readonly [string, string])[] = [
    ["package", `${name} ${version}`],
    ...(description ? [["description", description] as const] : []),
    ["file", `${summary.name} (${formatSize(summary.size)})`],
    ["command", execution.argv?.join(" ") ?? execution.command],
    ...Object.entries(execution.env).map(([key, value]) =>
      ["environment", `${key}=${value}`] as const
    ),
    [
      "launcher",
      `${summary.launcher ?? "unknown"} (${formatSize(summary.launcherSize)})`,
    ],
    ["builder", summary.builder ?? "unknown"],
    ["signed by", summary.fingerprint],
    ["seal", summary.sealed ? "yes: every byte is bound" : "none"],
    ...(platformSignature
      ? [
        [
          "platform",
          `signed for ${
            SIGNED_FOR[platformSignature.kind]
          }, which is not judged here`,
        ] as const,
      ]
      : []),
    ["id", summary.metadataSha256.slice(0, 32)],
  ];
  return [
    formatTable(facts),
    "",
    paint.strong(formatCount(summary.slots.length, "slot")),
    formatTable([
      [
        "#",
        "ID",
        "OPERATIONS",
        "SIZE",
        "STORED",
        "RATIO",
        "LIFECYCLE",
        "TARGET",
      ],
      ...summary.slots.map(slotRow),
    ], [0, 3, 4, 5]),
  ].join("\n");
}

function slotRow(slot: SlotSummary): string[] {
  return [
    String(slot.index),
    slot.id,
    slot.operations === "" ? "raw" : slot.operations,
    formatSize(slot.originalSize),
    formatSize(slot.size),
    `${(slot.ratio * 100).toFixed(0)} %`,
    slot.lifecycle,
    slot.target,
  ];
}
