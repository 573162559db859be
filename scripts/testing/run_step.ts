import { countTests } from "./count_tests.ts";

/** One command of the whole check. */
export interface Step {
  /** What `--only` takes. */
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  /** A check counts as one test; a runner counts what it says, and at least one. */
  readonly kind: "check" | "tests";
  /** Whether it only runs when it is named, alone or as one of `--platforms`. */
  readonly onRequest?: true | "platforms";
}

/** What came out of a step. */
export interface StepResult {
  readonly passed: number;
  readonly failed: number;
  readonly output: string;
  /** Why the step failed, where its output does not say so. */
  readonly reason?: string;
}

/**
 * Runs a step to its end and judges it.
 *
 * @param step What to run.
 * @param cwd Absolute path of the working directory.
 * @returns The number of tests that passed and failed. A failed step has at
 * least one failure, whatever its output says.
 */
export async function runStep(step: Step, cwd: string): Promise<StepResult> {
  const [program, ...args] = step.command;
  const command = new Deno.Command(program, {
    args,
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // Colours would stand between the words of the summaries.
    env: { NO_COLOR: "1", CARGO_TERM_COLOR: "never" },
  });
  let run: Deno.CommandOutput;
  try {
    run = await command.output();
  } catch (error) {
    return {
      passed: 0,
      failed: 1,
      output: "",
      reason: `${program}: ${String(error)}`,
    };
  }
  const decoder = new TextDecoder();
  const stdout = decoder.decode(run.stdout);
  const stderr = decoder.decode(run.stderr);
  return judge(step, run.success, stdout + stderr);
}

/**
 * Turns an exit status and an output into numbers.
 *
 * @param step The step that ran.
 * @param success Whether it exited with 0.
 * @param output What it printed.
 * @returns The verdict.
 */
export function judge(
  step: Step,
  success: boolean,
  output: string,
): StepResult {
  if (step.kind === "check") {
    return { passed: success ? 1 : 0, failed: success ? 0 : 1, output };
  }
  const { passed, failed, ignored } = countTests(output);
  if (!success) return { passed, failed: Math.max(1, failed), output };
  // A green run that tested nothing, or left something out, must not pass.
  if (passed === 0) {
    return { passed, failed: 1, output, reason: "no test was run" };
  }
  if (failed > 0) {
    return {
      passed,
      failed,
      output,
      reason: "tests failed, yet the exit code is 0",
    };
  }
  if (ignored > 0) {
    return {
      passed,
      failed: ignored,
      output,
      reason: `${ignored} tests were skipped`,
    };
  }
  return { passed, failed, output };
}
