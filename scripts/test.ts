/**
 * Runs everything that CI runs and ends with one line, `N passed, N failed`.
 *
 *     scripts/dev test                     everything
 *     scripts/dev test --only unit,clippy  some steps
 *     scripts/dev test --list              the names of the steps
 *     scripts/dev test --platforms         packages for all targets, run and signed; before a release
 *     scripts/dev test --only reproducible all launchers built twice; before a release
 *     scripts/dev test tests/format        some TypeScript tests
 *     scripts/dev test tests/format --filter=seal
 *
 * A failed step does not stop the others; its output is printed whole.
 */

import { existsSync } from "node:fs";
import { runStep, type Step } from "./testing/run_step.ts";
import { fileStep, listSteps } from "./testing/steps.ts";
import config from "../deno.json" with { type: "json" };

const root = new URL("../", import.meta.url);

/** Steps that the arguments ask for; throws a message on a wrong argument. */
function chooseSteps(
  args: readonly string[],
  all: readonly Step[],
): readonly Step[] {
  const [first, second] = args;
  if (first === undefined) return all.filter((step) => !step.onRequest);
  if (first === "--platforms" && second === undefined) {
    return all.filter((step) => step.onRequest === "platforms");
  }
  if (first !== "--only") return [fileStep(args)];
  const names = (second ?? "").split(",");
  for (const name of names) {
    if (all.some((step) => step.name === name)) continue;
    const known = all.map((step) => step.name).join(", ");
    throw new Error(`There is no step "${name}"; the steps are ${known}`);
  }
  return all.filter((step) => names.includes(step.name));
}

/** Whole seconds are enough to see which step is slow. */
function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

async function main(args: readonly string[]): Promise<boolean> {
  const all = listSteps({
    exports: Object.values(config.exports),
    exists: (path) => existsSync(new URL(path, root)),
  });
  if (args[0] === "--list") {
    console.log(all.map((step) => step.name).join("\n"));
    return true;
  }
  const cwd = decodeURIComponent(root.pathname);
  let passed = 0;
  let failed = 0;
  const start = performance.now();
  for (const step of chooseSteps(args, all)) {
    const stepStart = performance.now();
    const result = await runStep(step, cwd);
    passed += result.passed;
    failed += result.failed;
    const verdict = result.failed === 0 ? "ok    " : "FAILED";
    const counts = step.kind === "tests" ? `  ${result.passed} passed` : "";
    console.log(
      `${verdict} ${step.name.padEnd(12)}${
        seconds(stepStart).padStart(8)
      }${counts}`,
    );
    if (result.failed === 0) continue;
    console.log(`\n$ ${step.command.join(" ")}\n${result.output.trimEnd()}\n`);
    if (result.reason !== undefined) {
      console.log(`${step.name}: ${result.reason}\n`);
    }
  }
  console.log(`\n${seconds(start)}\n${passed} passed, ${failed} failed`);
  return failed === 0;
}

try {
  if (!await main(Deno.args)) Deno.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  Deno.exitCode = 2;
}
