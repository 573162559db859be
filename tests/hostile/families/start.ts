/** Execution and setup that reach for what is not theirs: only a launcher gets there. @module */

import { Buffer } from "node:buffer";
import { AGREE, refuseAtRun } from "../hostile_case.ts";
import type { Expectation, Ground, HostileCase } from "../hostile_case.ts";
import type { Json } from "../metadata_document.ts";
import { writePackage } from "../package_draft.ts";
import { paxHeader, tarArchive } from "../tar_bytes.ts";

const UNSAFE = refuseAtRun(
  "archive/unsafe-path",
  "format/bad-metadata",
  "run/setup-failed",
);
const BAD_EXECUTION = refuseAtRun("format/bad-metadata", "run/cannot-execute");
const JUDGED: Expectation = { ...AGREE, stage: "run" };

/** Cases about what happens after extraction. */
export function startCases(): HostileCase[] {
  return [...executionCases(), ...pathCases(), ...setupShapeCases()];
}

/** Every package has a link `link` that leads out and a file `inside`. */
function startCase(
  name: string,
  expect: Expectation,
  change: (document: Record<string, Json>, ground: Ground) => void,
): HostileCase {
  return {
    family: "start",
    name,
    expect,
    build: (ground) => {
      const stored = tarArchive(
        { name: "inside", body: Buffer.from("inside\n") },
        paxHeader({ linkpath: ground.outside }),
        { name: "link", type: "2", link: "x" },
      );
      return writePackage(ground.launcher, {
        slots: [{ stored, target: "{workenv}", operations: "tar", chain: 1n }],
        document: (document) => change(document, ground),
      });
    },
  };
}

function executionCases(): HostileCase[] {
  const run = (
    name: string,
    execution: Json,
    expect = BAD_EXECUTION,
  ): HostileCase =>
    startCase(name, expect, (document) => document["execution"] = execution);
  return [
    run("command uses a slot that is not there", { command: "{slot:1}/x" }),
    run("command uses slot -1", { command: "{slot:-1}" }, JUDGED),
    run(
      "command uses slot 2^64",
      { command: "{slot:18446744073709551616}" },
      JUDGED,
    ),
    run("argv uses a slot that is not there", { argv: ["true", "{slot:7}"] }),
    run("environment uses a slot that is not there", {
      command: "true",
      env: { A: "{slot:7}" },
    }),
    run("primary slot is not there", {
      primary_slot: 7,
      command: "true {primary}",
    }),
    run("command is empty", { command: "" }),
    run("command is white space", { command: " \t\n" }),
    run("command is an empty word", { command: "''" }),
    run("argv is empty", { argv: [] }, JUDGED),
    run("argv starts with an empty word", { argv: [""] }),
    run("quote that never ends", { command: "true 'x" }, JUDGED),
    run("NUL in the command", { command: "true \0" }),
    run("NUL in an environment value", { command: "true", env: { A: "a\0b" } }),
    run("NUL in an environment name", { command: "true", env: { "A\0": "b" } }),
    run("equals sign in an environment name", {
      command: "true",
      env: { "A=B": "c" },
    }, JUDGED),
    run(
      "empty environment name",
      { command: "true", env: { "": "c" } },
      JUDGED,
    ),
    run("program is a directory", { command: "{workenv}" }),
    run("program cannot be executed", { command: "{workenv}/inside" }),
    run("program is missing", { command: "{workenv}/missing" }),
    run("a million arguments", {
      argv: ["true", ...Array<string>(100_000).fill("x".repeat(100))],
    }, JUDGED),
    run("placeholders that grow", {
      command: "true " + "{workenv}".repeat(50_000),
    }, JUDGED),
    startCase(
      "no execution",
      BAD_EXECUTION,
      (document) => delete document["execution"],
    ),
  ];
}

/** Paths out of the workenv, in every place where setup takes one. */
function pathCases(): HostileCase[] {
  const places: Readonly<
    Record<string, (path: string) => Record<string, Json>>
  > = {
    "write_file": (path) =>
      setup({ type: "write_file", path, content: "owned" }),
    "chmod": (path) => setup({ type: "chmod", path, mode: "0777" }),
    "directories": (path) => ({
      workenv: { directories: [{ path, mode: "0777" }] },
    }),
    "enumerate": (path) =>
      setup({
        type: "enumerate_and_execute",
        command: "true",
        enumerate: { path, pattern: "*" },
      }),
  };
  const paths: readonly ((outside: string) => string)[] = [
    () => "../x",
    () => "{workenv}/../x",
    () => "{workenv}/../../../../outside/keep",
    () => "/tmp/flavor-hostile",
    (outside) => `${outside}/keep`,
    (outside) => outside,
    () => "{workenv}/link/keep",
    () => "link/keep",
    () => "{workenv}/link",
    () => "{workenv}/link/",
    () => "{workenv}/a/../link/keep",
    () => "{workenv}/inside/../../x",
  ];
  return Object.entries(places).flatMap(([place, section]) =>
    paths.map((path) => {
      const shown = path("OUTSIDE");
      // Replacing the link itself is as good as refusing to; the canary decides.
      const expect = shown.endsWith("link") || shown.endsWith("link/") ||
          place === "enumerate"
        ? JUDGED
        : UNSAFE;
      return startCase(
        `${place} at ${shown}`,
        expect,
        (document, { outside }) => {
          Object.assign(document, section(path(outside)));
        },
      );
    })
  ).concat(
    ["{workenv}/link/*", "link/*", "../*", "/*", "{workenv}/*/keep"].map((
      path,
    ) =>
      startCase(`chmod of ${path}`, JUDGED, (document) => {
        Object.assign(document, setup({ type: "chmod", path, mode: "0777" }));
      })
    ),
  ).concat(
    ["4755", "2755", "7777", "abc", "", "-1", "0o755", "177777"].flatMap((
      mode,
    ) => [
      startCase(`chmod to mode "${mode}"`, JUDGED, (document) => {
        Object.assign(document, setup({ type: "chmod", path: "inside", mode }));
      }),
      startCase(`write_file of mode "${mode}"`, JUDGED, (document) => {
        Object.assign(
          document,
          setup({ type: "write_file", path: "new", content: "x", mode }),
        );
      }),
    ]),
  );
}

function setup(command: Json): Record<string, Json> {
  return { setup_commands: [command] };
}

function setupShapeCases(): HostileCase[] {
  const shapes: readonly [string, Json, Expectation][] = [
    ["a number", 1, UNSAFE],
    ["null", null, UNSAFE],
    ["a list", ["true"], UNSAFE],
    ["an unknown type", { type: "download", url: "http://127.0.0.1/" }, UNSAFE],
    ["a type that is a number", { type: 7 }, UNSAFE],
    ["execute without a command", { type: "execute" }, UNSAFE],
    ["an empty string", "", JUDGED],
    ["a failing command", "false", refuseAtRun("run/setup-failed")],
    [
      "a missing program",
      "{workenv}/missing",
      refuseAtRun("run/setup-failed", "run/cannot-execute"),
    ],
    ["write_file without content", { type: "write_file", path: "x" }, JUDGED],
    ["write_file without a path", { type: "write_file", content: "x" }, UNSAFE],
    ["chmod without a mode", { type: "chmod", path: "inside" }, JUDGED],
    [
      "chmod with a numeric mode",
      { type: "chmod", path: "inside", mode: 511 },
      JUDGED,
    ],
    ["glob without end", {
      type: "chmod",
      path: "*/*/*/*/*/*/*/*/*/*/*/*/*/*/*",
      mode: "0644",
    }, JUDGED],
    ["glob with many stars", {
      type: "chmod",
      path: "*a*a*a*a*a*a*a*a*a*a*a*a*b",
      mode: "0644",
    }, JUDGED],
  ];
  return shapes.map(([name, command, expect]) =>
    startCase(
      `setup command is ${name}`,
      expect,
      (document) => document["setup_commands"] = [command],
    )
  );
}
