import type { Step } from "./run_step.ts";

/** Options that every TypeScript test runs with. */
const DENO_TEST = ["deno", "test", "--quiet", "--allow-all"] as const;

/** Tests that start packages, and so need the launcher. */
const E2E_FOLDERS: readonly string[] = ["tests/e2e", "tests/launcher"];

/** What the steps depend on. */
export interface StepFacts {
  /** Entry points in deno.json. */
  readonly exports: readonly string[];
  /** Whether a path exists in the checkout. */
  readonly exists: (path: string) => boolean;
}

/**
 * Everything that CI runs, cheap things first.
 *
 * @param facts What is in the checkout.
 * @returns The steps in the order in which they run.
 */
export function listSteps(facts: StepFacts): readonly Step[] {
  const { exports, exists } = facts;
  const e2e = E2E_FOLDERS.filter((path) => exists(path));
  const documents = ["mod.ts", "lib", "README.md", "docs"].filter((path) =>
    exists(path)
  );
  return [
    { name: "fmt", kind: "check", command: ["deno", "fmt", "--check"] },
    { name: "lint", kind: "check", command: ["deno", "lint"] },
    {
      name: "layers",
      kind: "check",
      command: ["deno", "run", "--allow-all", "scripts/check_layers.ts"],
    },
    { name: "check", kind: "check", command: ["deno", "check", "--quiet"] },
    {
      name: "doc-lint",
      kind: "check",
      command: ["deno", "doc", "--lint", ...exports],
    },
    {
      name: "unit",
      kind: "tests",
      command: [
        ...DENO_TEST,
        "--no-check",
        "--parallel",
        `--ignore=${E2E_FOLDERS.join(",")}`,
        "tests",
      ],
    },
    // Examples are type-checked here and nowhere else.
    {
      name: "doc",
      kind: "tests",
      command: [...DENO_TEST, "--doc", ...documents],
    },
    {
      name: "rust-fmt",
      kind: "check",
      command: ["scripts/cargo", "fmt", "--all", "--check"],
    },
    {
      name: "clippy",
      kind: "check",
      command: [
        ...[
          "scripts/cargo",
          "clippy",
          "--workspace",
          "--all-targets",
          "--locked",
        ] as const,
        ...["--", "-D", "warnings"],
      ],
    },
    {
      name: "rust-test",
      kind: "tests",
      command: [
        "scripts/cargo",
        "test",
        "--workspace",
        "--locked",
        "--no-fail-fast",
      ],
    },
    {
      name: "launcher",
      kind: "check",
      command: ["scripts/build_launcher", "--if-stale"],
    },
    {
      name: "e2e",
      kind: "tests",
      command: [
        ...DENO_TEST,
        "--no-check",
        ...(e2e.length > 0 ? e2e : E2E_FOLDERS),
      ],
    },
    {
      name: "publish",
      kind: "check",
      command: ["deno", "run", "--allow-all", "scripts/check_publish.ts"],
    },
  ];
}

/**
 * The one step that runs chosen test files.
 *
 * @param args Files, folders and options for `deno test`.
 * @returns The step.
 */
export function fileStep(args: readonly string[]): Step {
  return { name: "files", kind: "tests", command: [...DENO_TEST, ...args] };
}
