import { assertEquals, assertStringIncludes } from "@std/assert";
import { countTests } from "../../scripts/testing/count_tests.ts";
import { judge, runStep } from "../../scripts/testing/run_step.ts";
import { listSteps } from "../../scripts/testing/steps.ts";

const TESTS = {
  name: "unit",
  kind: "tests",
  command: ["deno", "test"],
} as const;
const CHECK = {
  name: "lint",
  kind: "check",
  command: ["deno", "lint"],
} as const;

Deno.test("countTests() adds up summaries of deno test and cargo test", () => {
  const output = [
    "ok | 12 passed (3 steps) | 0 failed (2s)",
    "FAILED | 4 passed | 2 failed (1 step) | 3 ignored | 7 filtered out (12ms)",
    "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
    "test result: FAILED. 6 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
    "a line that says 9 passed | 9 failed",
  ].join("\n");
  assertEquals(countTests(output), { passed: 27, failed: 3, ignored: 4 });
});

Deno.test("judge() counts a check as one test", () => {
  assertEquals(judge(CHECK, true, "").passed, 1);
  assertEquals(judge(CHECK, false, "").failed, 1);
});

Deno.test("judge() fails a runner that exits with 0 and ran nothing, or skipped or failed tests", () => {
  assertStringIncludes(judge(TESTS, true, "").reason ?? "", "no test was run");
  assertEquals(judge(TESTS, true, "ok | 0 passed | 0 failed (0ms)").failed, 1);
  assertEquals(
    judge(TESTS, true, "ok | 3 passed | 0 failed | 2 ignored (0ms)").failed,
    2,
  );
  assertEquals(judge(TESTS, true, "ok | 3 passed | 1 failed (0ms)").failed, 1);
});

Deno.test("judge() finds a failure in a runner that died before its summary", () => {
  assertEquals(judge(TESTS, false, "error: cannot compile").failed, 1);
  assertEquals(judge(TESTS, false, "ok | 3 passed | 0 failed (0ms)"), {
    passed: 3,
    failed: 1,
    output: "ok | 3 passed | 0 failed (0ms)",
  });
});

Deno.test("runStep() fails a step whose program does not exist", async () => {
  const command = ["flavor-has-no-such-program"] as const;
  const result = await runStep({ ...CHECK, command }, Deno.cwd());
  assertEquals(result.failed, 1);
  assertStringIncludes(result.reason ?? "", "flavor-has-no-such-program");
});

Deno.test("runStep() keeps both outputs of a step that fails", async () => {
  const command = ["sh", "-c", "echo out; echo err >&2; exit 3"] as const;
  const { failed, output } = await runStep({ ...CHECK, command }, Deno.cwd());
  assertEquals({ failed, output }, { failed: 1, output: "out\nerr\n" });
});

Deno.test("listSteps() names every step once and expects e2e tests even where there are none", () => {
  const steps = listSteps({ exports: ["./mod.ts"], exists: () => false });
  assertEquals(new Set(steps.map(({ name }) => name)).size, steps.length);
  assertEquals(steps.find(({ name }) => name === "e2e")?.kind, "tests");
  const asked = steps.filter(({ onRequest }) => onRequest === "platforms");
  assertEquals(asked.at(-1)?.name, "platforms");
});
