/** How many tests a runner says it has run. */
export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

const SUMMARY_REGEXPS: readonly RegExp[] = [
  // deno test: ok | 12 passed (3 steps) | 0 failed | 1 ignored (2s)
  /^(?:ok|FAILED) \| (?<passed>\d+) passed.*? \| (?<failed>\d+) failed(?:.*? \| (?<ignored>\d+) ignored)?/gm,
  // cargo test, once per test binary
  /^test result: \w+\. (?<passed>\d+) passed; (?<failed>\d+) failed; (?<ignored>\d+) ignored/gm,
];

/**
 * Adds up the summaries in the output of `deno test` or `cargo test`.
 *
 * @param output Everything that the runner printed, without colours.
 * @returns The sums; all zero where there is no summary, as when the code to
 * test does not compile.
 */
export function countTests(output: string): TestCount {
  const sum = { passed: 0, failed: 0, ignored: 0 };
  for (const regexp of SUMMARY_REGEXPS) {
    for (const { groups = {} } of output.matchAll(regexp)) {
      sum.passed += Number(groups["passed"]);
      sum.failed += Number(groups["failed"]);
      sum.ignored += Number(groups["ignored"] ?? 0);
    }
  }
  return sum;
}
