import { listMembers } from "../archive/list_members.ts";
import { packedMode } from "../archive/mode_rule.ts";
import { PspfError } from "../errors.ts";
import { BytesSource } from "../io/bytes_source.ts";
import type { Platform } from "../launchers/platform.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { splitWords } from "../manifest/split_words.ts";
import { parentsOf } from "../io/extract_target.ts";
import { detectEncoding, DETECTION_SIZE } from "../pack/choose_operations.ts";
import type { SourceOpener } from "../pack/slot_source.ts";
import {
  preflight,
  type PreflightReport,
  type WorkenvEntry,
  type WorkenvView,
} from "../preflight/preflight.ts";

/**
 * Checks that a plan's package would start, before anything is packed. What is
 * wrong in a JSON manifest of another builder is a warning: it may have lived
 * with it.
 */
export async function checkStart(
  { plan, openSource }: {
    readonly plan: BuildPlan;
    readonly openSource: SourceOpener;
  },
  target: Platform | undefined,
): Promise<PreflightReport> {
  const { execution } = plan;
  const program = (execution.argv ?? splitWords(execution.command))?.[0];
  if (program === undefined) return { problems: [], warnings: [], needs: [] };
  const report = await preflight({
    program,
    primarySlot: execution.primarySlot,
    target,
    view: await viewWorkenv(plan, openSource),
  });
  const { problems, warnings } = report;
  if (problems.length === 0) return report;
  if (plan.format === "json") {
    return { ...report, problems: [], warnings: [...problems, ...warnings] };
  }
  const count = problems.length === 1
    ? "1 reason"
    : `${problems.length} reasons`;
  throw new PspfError(
    "build/failed",
    `The package would not start, for ${count}\n  ${problems.join("\n  ")}`,
    {
      context: { problems: [...problems] },
      hint: "If you know better, pack with --no-preflight",
    },
  );
}

async function viewWorkenv(
  plan: BuildPlan,
  openSource: SourceOpener,
): Promise<WorkenvView> {
  const entries = new Map<string, WorkenvEntry>();
  let isOpen = plan.setupCommands.length > 0;
  for (const spec of plan.slots) {
    const { target, include, exclude, modes } = spec;
    const found = await openSource(spec);
    if (found.kind === "stream") {
      isOpen = true;
    } else if (found.kind === "file") {
      await using file = await found.open();
      const head = await file.read(0, Math.min(file.size, DETECTION_SIZE));
      // What is encoded already is not looked into.
      const { compression, isTar } = detectEncoding(head);
      const isEncoded = spec.operations?.isArchive === true ||
        (isTar && target === "") ||
        (compression !== undefined && spec.operations !== undefined);
      if (isEncoded) {
        isOpen = true;
        continue;
      }
      for (const path of parentsOf(target)) {
        entries.set(path, { kind: "directory" });
      }
      const mode = spec.permissions ?? packedMode(found.mode, modes);
      entries.set(target, { kind: "file", mode, open: found.open });
    } else {
      const { tree } = found;
      const { members } = await listMembers(tree, {
        include,
        exclude,
        modes,
        prefix: target,
      });
      for (const member of members) {
        entries.set(
          member.path,
          member.kind !== "file" ? member : {
            kind: "file",
            mode: member.mode,
            open: async () =>
              new BytesSource(
                await tree.readFile(member.source, member.size),
                member.path,
              ),
          },
        );
      }
    }
  }
  return { entries, isOpen, targets: plan.slots.map(({ target }) => target) };
}
