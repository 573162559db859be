/**
 * Prints the project's numbers, each beside somebody else's from the same run.
 *
 *     scripts/dev bench                      everything, about ten minutes
 *     scripts/dev bench warm size            some parts
 *     scripts/dev bench warm --starts 1000   more warm starts than the 400 of the default
 *     scripts/dev bench --json               one object instead of a table
 */

import { parseArgs } from "@std/cli/parse-args";
import { BenchContext } from "./bench/bench_context.ts";
import { benchBuilder } from "./bench/bench_builder.ts";
import { benchCold } from "./bench/bench_cold.ts";
import { benchMemory } from "./bench/bench_memory.ts";
import { benchPack } from "./bench/bench_pack.ts";
import { benchProgram } from "./bench/bench_program.ts";
import { benchProjects } from "./bench/bench_projects.ts";
import { type BenchRow, isMet } from "./bench/bench_row.ts";
import { benchRemote } from "./bench/bench_remote.ts";
import { benchSize } from "./bench/bench_size.ts";
import { benchSmall } from "./bench/bench_small.ts";
import { benchWarm } from "./bench/bench_warm.ts";
import { describeMachine } from "./bench/describe_machine.ts";
import { formatTable } from "./bench/format_table.ts";

const PARTS = [
  "size",
  "warm",
  "program",
  "projects",
  "cold",
  "pack",
  "small",
  "memory",
  "remote",
  "builder",
] as const;
type Part = typeof PARTS[number];

/** What the parts have found so far. */
interface Findings {
  readonly rows: BenchRow[];
  /** System calls of a warm start, once it was traced. */
  calls: readonly string[];
}

async function runPart(
  part: Part,
  context: BenchContext,
  findings: Findings,
): Promise<void> {
  switch (part) {
    case "size":
      findings.rows.push(...benchSize(context));
      return;
    case "warm": {
      const { rows, calls } = await benchWarm(context);
      findings.rows.push(...rows);
      findings.calls = calls;
      return;
    }
    case "program":
      findings.rows.push(...await benchProgram(context));
      return;
    case "projects":
      findings.rows.push(...await benchProjects(context));
      return;
    case "cold":
      findings.rows.push(...await benchCold(context));
      return;
    case "pack":
      findings.rows.push(...await benchPack(context));
      return;
    case "small":
      findings.rows.push(...await benchSmall(context));
      return;
    case "builder":
      findings.rows.push(...await benchBuilder(context));
      return;
    case "memory":
      findings.rows.push(...await benchMemory(context));
      return;
    case "remote":
      findings.rows.push(...await benchRemote(context));
      return;
  }
}

function chooseParts(names: readonly string[]): readonly Part[] {
  if (names.length === 0 || names.includes("all")) return PARTS;
  const unknown = names.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) {
    throw new Error(
      `There is no benchmark "${unknown}"; there are: all, ${PARTS.join(", ")}`,
    );
  }
  return PARTS.filter((part) => names.includes(part));
}

async function main(args: readonly string[]): Promise<void> {
  const flags = parseArgs([...args], {
    boolean: ["json"],
    string: ["starts"],
    default: { starts: "400" },
    unknown: (arg, key) => {
      if (key !== undefined) throw new Error(`There is no option ${arg}`);
      return true;
    },
  });
  const parts = chooseParts(flags._.map(String));
  const starts = Number(flags["starts"]);
  if (!Number.isInteger(starts) || starts < 1) {
    throw new Error("--starts takes a number from 1");
  }
  using context = new BenchContext(starts);
  await context.bundleProgram();
  const findings: Findings = { rows: [], calls: [] };
  for (const part of parts) {
    console.error(`bench: ${part}`);
    await runPart(part, context, findings);
  }
  print(describeMachine(context.work), findings, flags.json === true);
}

function print(
  machine: string,
  { rows, calls }: Findings,
  json: boolean,
): void {
  if (json) {
    const judged = rows.map((row) => ({ ...row, met: isMet(row) }));
    console.log(JSON.stringify({ machine, rows: judged, calls }, undefined, 2));
    return;
  }
  console.log(`Machine: ${machine}\n\n${formatTable(rows)}`);
  if (calls.length > 0) {
    console.log(
      `\nSystem calls of a warm start:\n\n\`\`\`text\n${
        calls.join("\n")
      }\n\`\`\``,
    );
  }
}

try {
  await main(Deno.args);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  Deno.exitCode = 1;
}
