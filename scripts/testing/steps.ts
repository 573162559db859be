import type { Step } from "./run_step.ts";

/** Tests that start packages, and so need the launcher; and what has to run alone. */
const E2E_PATHS: readonly string[] = [
  "tests/builder",
  "tests/e2e",
  "tests/hostile",
  "tests/launcher",
  "tests/registry",
  "tests/docs/blocks_test.ts",
  // Nothing else may run while it measures.
  "tests/web/load_test.ts",
];

const SHELL_SCRIPTS: readonly string[] = [
  ".ci/run",
  "scripts/build_codecs",
  "scripts/build_launcher",
  "scripts/cargo",
  "scripts/check_reproducible",
  "scripts/dev",
  "scripts/fuzz",
  "scripts/prepare_platforms",
  "scripts/prerequisites",
  "scripts/release/install.sh",
  "scripts/rust_toolchain",
  "tests/platforms/support/with_arm64.sh",
];

/** Tests that need Chromium. */
const BROWSER_FOLDER = "tests/browser";

/** Tests that run on machines of other kinds. */
const PLATFORM_FOLDER = "tests/platforms";

const DENO_TEST = "deno test --quiet -P";

/** Deno gives /proc, where tests watch processes, to nobody else. */
const DENO_TEST_ALL = "deno test --quiet --allow-all";
const SCRIPT = "deno run --quiet -P=scripts";

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
  const e2e = E2E_PATHS.filter((path) => exists(path));
  const documents = ["mod.ts", "lib", "README.md", "docs"].filter((path) =>
    exists(path)
  );
  return [
    check("fmt", "deno fmt --check"),
    check("shell", `shellcheck -x ${SHELL_SCRIPTS.join(" ")}`),
    check("lint", "deno lint"),
    check("layers", `${SCRIPT} scripts/check_layers.ts`),
    check("imports", `${SCRIPT} scripts/check_imports.ts`),
    check("check", "deno check --quiet"),
    check("doc-lint", `deno doc --lint ${exports.join(" ")}`),
    tests(
      "unit",
      `${DENO_TEST} --no-check --parallel --ignore=${[
        ...E2E_PATHS,
        BROWSER_FOLDER,
        PLATFORM_FOLDER,
      ]} tests`,
    ),
    // Examples are type-checked here and nowhere else.
    tests("doc", `${DENO_TEST} --doc ${documents.join(" ")}`),
    tests("browser", `${DENO_TEST} --no-check ${BROWSER_FOLDER}`),
    check("rust-fmt", "scripts/cargo fmt --all --check"),
    check(
      "clippy",
      "scripts/cargo clippy --workspace --all-targets --locked -- -D warnings",
    ),
    tests(
      "rust-test",
      "scripts/cargo test --workspace --locked --no-fail-fast",
    ),
    check("codecs", "scripts/build_codecs --check"),
    check("launcher", "scripts/build_launcher --if-stale"),
    check("size", "scripts/build_launcher --check"),
    check("builder", "scripts/build_launcher --builder --if-stale"),
    check("builder-size", "scripts/build_launcher --builder --check"),
    tests(
      "e2e",
      `${DENO_TEST_ALL} --no-check ${
        (e2e.length > 0 ? e2e : E2E_PATHS).join(" ")
      }`,
    ),
    check("publish", `${SCRIPT} scripts/check_publish.ts`),
    // All targets twice take six minutes on two cores: before a release, not each time.
    { ...check("reproducible", "scripts/check_reproducible"), onRequest: true },
    // Needs a newer Go than distributions have; CI has one, and a job of its own for this.
    {
      ...check(
        "workflows",
        "go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12",
      ),
      onRequest: true,
    },
    // Emulators and the compilers for six targets are much to ask of everybody.
    ...[
      check("platforms-build", "scripts/prepare_platforms"),
      check("platforms-size", "scripts/build_launcher --check --all"),
      check(
        "platforms-clippy",
        "scripts/build_launcher --clippy windows_amd64 windows_arm64 darwin_arm64 linux_arm64",
      ),
      tests("platforms", `${DENO_TEST_ALL} --no-check ${PLATFORM_FOLDER}`),
    ].map((step) => ({ ...step, onRequest: "platforms" as const })),
  ];
}

/** A step that counts as one test; no argument of its command holds a space. */
function check(name: string, command: string): Step {
  return { name, kind: "check", command: split(command) };
}

/** A step that counts the tests it ran. */
function tests(name: string, command: string): Step {
  return { name, kind: "tests", command: split(command) };
}

function split(command: string): Step["command"] {
  const [program = "", ...args] = command.split(" ");
  return [program, ...args];
}

/**
 * The one step that runs chosen test files.
 *
 * @param args Files, folders and options for `deno test`.
 * @returns The step.
 */
export function fileStep(args: readonly string[]): Step {
  return {
    name: "files",
    kind: "tests",
    command: [...split(DENO_TEST_ALL), ...args],
  };
}
