import { assert, assertEquals } from "@std/assert";
import {
  type BuildPlan,
  type ManifestProblem,
  parseManifest,
} from "@flavor/pspf/manifest";
import type { ManifestFormat } from "../../lib/manifest/schema.ts";
import { throwsCode } from "../support/throws_code.ts";

const HEAD = `
package = { name = "demo", version = "1.0.0" }
execution = { command = "app" }
`;

function toml(text: string): BuildPlan {
  return parseManifest(text, { format: "toml", name: "flavor.toml" });
}

function json(value: unknown): BuildPlan {
  return parseManifest(JSON.stringify(value), { format: "json" });
}

function slots(...lines: readonly string[]): BuildPlan {
  return toml(`${HEAD}slots = [${lines.join(", ")}]`);
}

/** A JSON manifest as the existing builders take it, with changes. */
function nativeManifest(changes: Record<string, unknown> = {}): unknown {
  return {
    package: { name: "demo", version: "1.0.0" },
    execution: { command: "app" },
    slots: [{ id: "a", source: "a.bin", target: "{workenv}/bin/a" }],
    ...changes,
  };
}

function problemsOf(call: () => unknown): readonly string[] {
  const error = throwsCode("manifest/invalid", call);
  const problems = error.context.problems as unknown as ManifestProblem[];
  return problems.map(({ path, message }) => `${path} ${message}`);
}

Deno.test("parseManifest() reads every section of flavor.toml", () => {
  const plan = toml(`
    launcher = "bin/launcher"

    [package]
    name = "demo"
    version = "1.0.0"
    description = "A demo"

    [execution]
    argv = ["{workenv}/bin/demo", "two words"]
    args = ["--fast"]
    cwd = "share/"
    env = { A = "1" }
    primary_slot = "lib"

    [[slots]]
    id = "app"
    source = "build/demo"
    target = "bin/demo"
    permissions = "755"
    lifecycle = "eager"

    [[slots]]
    id = "lib"
    source = "lib"
    include = ["**/*.so"]
    exclude = ["test/"]
    target = "{workenv}/lib/"
    operations = "TAR|ZSTD"
    purpose = "code"
    platform = "macos"

    [runtime.env]
    unset = ["PYTHON*"]
    set = { TZ = "UTC" }

    [workenv]
    directories = ["tmp", { path = "{workenv}/var", mode = "0750" }]
    env = { HOME = "{workenv}" }
    umask = "077"

    [[setup_commands]]
    type = "write_file"
    path = "{workenv}/ok"
    content = "yes"

    [cache_validation]
    check_file = "{workenv}/ok"
    expected_content = "yes"

    [build]
    portable = true
    level = 7

    [custom.team]
    name = "tools"
  `);
  const [app, lib] = plan.slots;
  assertEquals(plan.package.description, "A demo");
  assertEquals(plan.execution, {
    primarySlot: 1,
    command: "{workenv}/bin/demo 'two words'",
    argv: ["{workenv}/bin/demo", "two words"],
    args: ["--fast"],
    cwd: "{workenv}/share",
    env: { A: "1" },
  });
  assertEquals([app?.permissions, app?.operations, app?.level], [
    0o755,
    undefined,
    7,
  ]);
  assertEquals([lib?.target, lib?.operations?.toString(), lib?.platform], [
    "lib",
    "tar.zst",
    "darwin",
  ]);
  assertEquals(plan.workenv?.directories, [
    { path: "{workenv}/tmp" },
    { path: "{workenv}/var", mode: "0750" },
  ]);
  assertEquals(plan.workenv?.umask, "0077");
  assertEquals(plan.runtime?.env, { unset: ["PYTHON*"], set: { TZ: "UTC" } });
  assertEquals(plan.setupCommands, [
    { type: "write_file", path: "{workenv}/ok", content: "yes" },
  ]);
  assertEquals(plan.custom, { team: { name: "tools" } });
  assertEquals([plan.portable, plan.launcher], [true, "bin/launcher"]);
  assertEquals(plan.warnings, []);
});

Deno.test("parseManifest() gives a JSON manifest the defaults of the native builders", () => {
  const [slot] = json(nativeManifest()).slots;
  assertEquals(slot?.operations?.toString(), "raw");
  assertEquals(slot?.permissions, 0o600);
  assertEquals([slot?.purpose, slot?.lifecycle], ["data", "runtime"]);
  assertEquals(slot?.target, "bin/a");
});

Deno.test("parseManifest() takes null for an absent key, as Go writes it", () => {
  const plan = json(nativeManifest({
    execution: { command: "app", environment: null, primary_slot: 0 },
    runtime: null,
    setup_commands: null,
  }));
  assertEquals(plan.execution.env, {});
});

Deno.test("parseManifest() joins env and environment", () => {
  const plan = json(nativeManifest({
    execution: {
      command: "app",
      env: { A: "1", B: "2" },
      environment: { A: "1", C: "3" },
    },
  }));
  assertEquals(plan.execution.env, { A: "1", B: "2", C: "3" });
  const execution = {
    command: "app",
    env: { A: "1" },
    environment: { A: "2" },
  };
  assertEquals(problemsOf(() => json(nativeManifest({ execution }))), [
    "execution.environment.A differs from the same variable in execution.env",
  ]);
});

Deno.test("parseManifest() keeps words of other builders, with one warning for all of them", () => {
  const slot = { source: "a", target: "{workenv}" };
  const plan = json(nativeManifest({
    slots: [
      { ...slot, id: "a/b", purpose: "executable", lifecycle: "volatile" },
      { ...slot, id: "c", purpose: "payload", lifecycle: "volatile" },
    ],
  }));
  assertEquals(
    plan.slots.map(({ id, purpose, lifecycle }) => [id, purpose, lifecycle]),
    [["a/b", "executable", "volatile"], ["c", "payload", "volatile"]],
  );
  assertEquals(plan.warnings, [
    'words that flavor does not know are kept: slots[0].purpose = "executable", slots[0].lifecycle = "volatile", slots[1].lifecycle = "volatile"',
  ]);
});

Deno.test("parseManifest() refuses words of other builders in TOML, and suggests one of ours", () => {
  const slot = (text: string): readonly string[] =>
    problemsOf(() =>
      slots(`{ id = "a", source = "a", target = "a", ${text} }`)
    );
  assertEquals(slot('purpose = "bianry"'), [
    'slots[0].purpose is "bianry"; did you mean "binary"?',
  ]);
  assertEquals(slot('lifecycle = "runtme"'), [
    'slots[0].lifecycle is "runtme"; did you mean "runtime"?',
  ]);
  const [forever] = slot('lifecycle = "forever"');
  assertEquals(
    forever?.slice(0, 74),
    'slots[0].lifecycle is "forever"; expected "init", "startup", "runtime", "s',
  );
});

Deno.test("parseManifest() packs JSON manifests of the existing builders with one warning for what they ignore", () => {
  const plan = json({
    name: "demo",
    version: "1.0.0",
    description: "A demo",
    command: "app",
    environment: {},
    manifest: "other.json",
    dependencies: ["requests"],
    format: "PSPF/2025",
    format_version: "1.0.0",
    package: { name: "demo", version: "1.0.0", author: "somebody" },
    execution: { command: "app", args: [], env: {}, primary_slot: 0 },
    slots: [{
      slot: 0,
      id: "a",
      type: "file",
      source: "{workenv}/a",
      target: "bin/a",
      encoding: "gzip",
      operatons: "raw",
    }],
    setup_commands: [{ command: "x", note: "y" }],
    runtime: { env: { unset: ["A"], isolated: true } },
  });
  assertEquals(plan.setupCommands, [{ command: "x", type: "execute" }]);
  assertEquals(plan.runtime, { env: { unset: ["A"] } });
  assertEquals(plan.package, { name: "demo", version: "1.0.0" });
  assertEquals(plan.slots[0]?.target, "bin/a");
  assertEquals(plan.warnings, [
    "keys without effect are ignored: name, version, description, command, environment, manifest, dependencies, format_version, package.author, slots[0].type, " +
    'slots[0].encoding (did you mean "operations"?), slots[0].operatons (did you mean "operations"?), setup_commands[0].note, runtime.env.isolated',
  ]);
});

Deno.test("parseManifest() names a misspelled key of a JSON manifest beside what is wrong", () => {
  const manifest = {
    package: { nmae: "demo", version: "1" },
    execution: { command: "x" },
    slots: [],
    other: 1,
  };
  assertEquals(problemsOf(() => json(manifest)), [
    'package.nmae is not known; did you mean "name"?',
    'package.name is missing; for example name = "hello"',
  ]);
});

Deno.test("parseManifest() takes a target like a:b for a name, and C: for a drive", () => {
  const target = (text: string): BuildPlan =>
    slots(`{ id = "a", source = "a", target = "${text}" }`);
  assertEquals(target("a:b").slots[0]?.target, "a:b");
  for (const drive of ["C:", "c:/x", "{workenv}/C:/x"]) {
    assert(problemsOf(() => target(drive))[0]?.includes("is absolute"), drive);
  }
});

Deno.test("parseManifest() gives every setup command a type", () => {
  const setup = ["first", { command: "second" }];
  const plan = json(nativeManifest({ setup_commands: setup }));
  assertEquals(plan.setupCommands, [
    { type: "execute", command: "first" },
    { type: "execute", command: "second" },
  ]);
});

Deno.test("parseManifest() keeps every type of setup command", () => {
  const setup = [
    { type: "shell", command: "echo $HOME > {workenv}/home" },
    {
      type: "enumerate_and_execute",
      command: "{workenv}/bin/install",
      enumerate: { path: "{workenv}/wheels", pattern: "*.whl" },
      batch: true,
    },
    { type: "write_file", path: "{workenv}/ok", content: "", mode: "0600" },
    { type: "chmod", path: "{workenv}/bin/*", mode: "0755" },
  ];
  const plan = json(nativeManifest({ setup_commands: setup }));
  assertEquals(plan.setupCommands, setup);
});

Deno.test("parseManifest() refuses what the launcher would refuse on the user's machine", () => {
  const problems = problemsOf(() =>
    json(nativeManifest({
      execution: { command: "app", cwd: "/tmp" },
      workenv: { umask: "999" },
      setup_commands: [
        { type: "write_file", path: "../x", content: "" },
        { type: "chmod", path: "/etc/passwd", mode: "0600" },
        { type: "enumerate_and_execute", command: "x", batch: 1 },
      ],
    }))
  );
  assertEquals(problems, [
    "execution.cwd is absolute; paths are relative to the workenv",
    'workenv.umask is "999", expected three octal digits like "077"',
    'setup_commands[0].path leaves the workenv with ".."',
    "setup_commands[1].path is absolute; paths are relative to the workenv",
    "setup_commands[2].batch is the number 1, expected true or false",
  ]);
});

Deno.test("parseManifest() reports all problems at once, with their places", () => {
  const problems = problemsOf(() =>
    toml(`
      pakage = {}
      package = { name = "a/b", version = 1 }
      execution = { comand = "x", env = { "A=B" = "1", "C D" = 2 } }
      slots = [
        { id = "a", source = "$SELF", target = "../x", permissions = "4755" },
        { id = "b", source = "b", target = "b", operations = "tar.zstd" },
        { id = "c", source = "c", target = "c" },
        { id = "c", source = "c", target = "./c", slot = 7 },
      ]
    `)
  );
  const places = problems.map((problem) => problem.split(" ")[0]);
  assertEquals(places, [
    "pakage",
    "package.name",
    "package.version",
    "execution.comand",
    'execution.env["A=B"]',
    'execution.env["C',
    "slots[0].source",
    "slots[0].target",
    "slots[0].permissions",
    "slots[1].operations",
    "slots[3].slot",
    "slots[3].id",
    "slots[3].target",
  ]);
  assert(problems[0]?.endsWith('did you mean "package"?'));
  assert(problems[3]?.endsWith('did you mean "command"?'));
});

Deno.test("parseManifest() refuses one slot that is wrong", async (t) => {
  const cases: Record<string, readonly [slot: string, problem: string]> = {
    "an absolute target": [
      '{ id = "a", source = "a", target = "/etc/passwd" }',
      "slots[0].target is absolute",
    ],
    "a drive": [
      '{ id = "a", source = "a", target = "C:/x" }',
      "slots[0].target is absolute",
    ],
    "a target above the workenv": [
      '{ id = "a", source = "a", target = "{workenv}/../x" }',
      'slots[0].target leaves the workenv with ".."',
    ],
    "a backslash": [
      '{ id = "a", source = "a", target = "a\\\\b" }',
      "slots[0].target holds a backslash",
    ],
    "an empty id": [
      '{ id = " ", source = "a", target = "a" }',
      "slots[0].id is empty",
    ],
    "a sticky bit": [
      '{ id = "a", source = "a", target = "a", permissions = "1755" }',
      "slots[0].permissions is not valid",
    ],
    "permissions that forbid everything": [
      '{ id = "a", source = "a", target = "a", permissions = "000" }',
      "slots[0].permissions is not valid",
    ],
    "a number as permissions": [
      '{ id = "a", source = "a", target = "a", permissions = 755 }',
      "slots[0].permissions is the number 755, expected a string",
    ],
    "a level out of range": [
      '{ id = "a", source = "a", target = "a", level = 23 }',
      "slots[0].level is 23, expected 1 to 22",
    ],
    "a key of another builder": [
      '{ id = "a", source = "a", target = "a", encoding = "gzip" }',
      "slots[0].encoding is not known",
    ],
    "a misspelled platform": [
      '{ id = "a", source = "a", target = "a", platform = "linus" }',
      'slots[0].platform is "linus"; did you mean "linux"?',
    ],
  };
  for (const [name, [slot, problem]] of Object.entries(cases)) {
    await t.step(name, () => {
      const problems = problemsOf(() => slots(slot));
      assertEquals(problems.length, 1);
      assert(problems[0]?.startsWith(problem), problems[0]);
    });
  }
});

Deno.test("parseManifest() lets archives share the workenv, and nothing else", () => {
  const share = (target: string): BuildPlan =>
    slots(
      `{ id = "a", source = "a", target = "${target}" }`,
      `{ id = "b", source = "b", target = "${target}" }`,
    );
  assertEquals(share("{workenv}").slots.length, 2);
  assertEquals(problemsOf(() => share("x")), [
    'slots[1].target is "x" like that of slots[0]',
  ]);
});

Deno.test("parseManifest() refuses references to slots that do not exist", () => {
  const problems = problemsOf(() =>
    toml(`
      package = { name = "demo", version = "1" }
      execution = { command = "{slot:0} {slot:1} {other}", primary_slot = 5 }
      slots = [{ id = "a", source = "a", target = "a" }]
      setup_commands = ["run {slot:x}"]
    `)
  );
  assertEquals(problems, [
    "execution.command holds {slot:1}, but there is no such slot",
    "setup_commands[0] holds {slot:x}, but there is no such slot",
    "execution.primary_slot is 5, but there is no such slot",
  ]);
});

Deno.test("parseManifest() says what a setup command lacks", () => {
  const setup = [
    { type: "chmod", path: "x" },
    { type: "write_file" },
    { type: "shell" },
    { command: null },
  ];
  assertEquals(
    problemsOf(() => json(nativeManifest({ setup_commands: setup }))),
    [
      "setup_commands[0].mode is missing: chmod needs it",
      "setup_commands[1].path is missing: write_file needs it",
      "setup_commands[1].content is missing: write_file needs it",
      "setup_commands[2].command is missing: shell needs it",
      "setup_commands[3].command is missing: execute needs it",
    ],
  );
});

Deno.test("parseManifest() explains flat manifests", () => {
  const flat = { name: "a", version: "1", command: "x", slots: [] };
  assertEquals(problemsOf(() => json(flat)), [
    "name belongs to package.name",
    "version belongs to package.version",
    "command belongs to execution.command",
  ]);
});

Deno.test("parseManifest() refuses what is no manifest at all", async (t) => {
  const cases: readonly (readonly [ManifestFormat, string])[] = [
    ["toml", "a = "],
    ["toml", "[package\nname = 1"],
    ["json", "{"],
    ["json", '{"package": {}, "package": {}}'],
    ["json", ""],
  ];
  for (const [format, text] of cases) {
    await t.step(`${format} ${JSON.stringify(text)}`, () => {
      const error = throwsCode(
        "manifest/syntax",
        () => parseManifest(text, { format, name: "x" }),
      );
      assertEquals(error.context.file, "x");
    });
  }
  for (const text of ["[]", "1", "null"]) {
    assertEquals(
      throwsCode(
        "manifest/invalid",
        () => parseManifest(text, { format: "json" }),
      ).context.file,
      "the manifest",
    );
  }
});

Deno.test("parseManifest() does not take a prototype for a key", () => {
  const rest = JSON.stringify(nativeManifest()).slice(1);
  const text = `{"__proto__": {"package": 1}, "constructor": 1, ${rest}`;
  assertEquals(parseManifest(text, { format: "json" }).warnings, [
    "keys without effect are ignored: __proto__, constructor",
  ]);
});
