import { assertEquals, assertStringIncludes } from "@std/assert";

import { COMMANDS, GLOBAL_FLAGS, parseCliArgs } from "../../lib/cli/mod.ts";
import type { CommandSpec } from "../../lib/cli/command_spec.ts";
import { helpText } from "../../lib/cli/help_text.ts";
import { throwsCode } from "../support/throws_code.ts";

const SPECS: Readonly<Record<string, CommandSpec>> = COMMANDS;
const PERMISSIONS = { permissions: "none" } as const;

Deno.test(
  "parseCliArgs() reads flags before and after the command",
  PERMISSIONS,
  () => {
    const { command, globals } = parseCliArgs([
      "-C",
      "dir",
      "--quiet",
      "pack",
      "-m",
      "a.toml",
      "--json",
      "--no-verify",
      "-j",
      "4",
    ]);
    if (command.kind !== "pack") throw new Error(command.kind);
    assertEquals(command.flags.manifest, "a.toml");
    assertEquals(command.flags.verify, false);
    assertEquals(command.flags.jobs, 4);
    assertEquals(globals.directory, "dir");
    assertEquals([globals.quiet, globals.json], [true, true]);
  },
);

Deno.test(
  "parseCliArgs() leaves what follows -- to the application",
  PERMISSIONS,
  () => {
    const { command } = parseCliArgs([
      "run",
      "a.psp",
      "--",
      "--help",
      "--",
      "007",
    ]);
    if (command.kind !== "run") throw new Error(command.kind);
    assertEquals(command.operands, { package: "a.psp" });
    assertEquals(command.rest, ["--help", "--", "007"]);
  },
);

Deno.test(
  "parseCliArgs() keeps operands that look like numbers",
  PERMISSIONS,
  () => {
    const { command } = parseCliArgs(["extract", "1e3", "007", "0x10"]);
    if (command.kind !== "extract") throw new Error(command.kind);
    assertEquals(command.operands, {
      package: "1e3",
      slot: "007",
      output: "0x10",
    });
  },
);

Deno.test(
  "parseCliArgs() collects repeated lists, and takes them from the environment",
  PERMISSIONS,
  () => {
    const twice = parseCliArgs(
      ["verify", "a", "--trusted-key", "x", "--trusted-key=y"],
      () => "from,env",
    ).command;
    const fromEnv = parseCliArgs(
      ["verify", "a"],
      (name) => name === "FLAVOR_TRUSTED_KEYS" ? "x, y" : undefined,
    ).command;
    for (const command of [twice, fromEnv]) {
      if (command.kind !== "verify") throw new Error(command.kind);
      assertEquals(command.flags["trusted-key"], ["x", "y"]);
    }
  },
);

Deno.test(
  "parseCliArgs() does not take a list of blanks for no list",
  PERMISSIONS,
  () => {
    const verify = (value: string): unknown =>
      parseCliArgs(["verify", "a"], () => value);
    for (const value of [",", " ", " , "]) {
      throwsCode("usage/bad-argument", () => verify(value));
    }
    verify("");
  },
);

Deno.test(
  "parseCliArgs() ignores a variable that the flag would not take",
  PERMISSIONS,
  () => {
    const { globals } = parseCliArgs(["pack"], () => "nonsense");
    assertEquals(globals["log-level"], "info");
  },
);

const WRONG: readonly (readonly [string[], string])[] = [
  [["pakc"], 'Did you mean "flavor pack"?'],
  [["workenv", "lst"], 'Did you mean "flavor workenv list"?'],
  [["helpers"], "One of: list, info, build, test, clean"],
  [["pack", "--manifst", "x"], 'Did you mean "--manifest"?'],
  [["pack", "--no-verfy"], 'Did you mean "--no-verify"?'],
  [["verify", "a", "--level", "strct"], 'Did you mean "strict"?'],
  [
    ["run", "a.psp", "extra"],
    "What is meant for the application comes after --",
  ],
  [["verify"], 'See "flavor verify --help"'],
  [
    ["pack", "--output"],
    "A value that starts with a dash is given as --output=VALUE",
  ],
  [[], 'see "flavor --help"'],
];

for (const [args, hint] of WRONG) {
  Deno.test(
    `parseCliArgs() explains what is wrong with "flavor ${args.join(" ")}"`,
    PERMISSIONS,
    () => {
      const code = /^(pakc|workenv|helpers)$/.test(args[0] ?? "pakc")
        ? "usage/unknown-command"
        : "usage/bad-argument";
      const error = throwsCode(code, () => parseCliArgs(args));
      assertStringIncludes(error.hint ?? "", hint);
    },
  );
}

for (const jobs of ["0", "-1", "many", "1.5", "1e3"]) {
  Deno.test(`parseCliArgs() refuses --jobs=${jobs}`, PERMISSIONS, () => {
    throwsCode(
      "usage/bad-argument",
      () => parseCliArgs(["pack", `--jobs=${jobs}`]),
    );
  });
}

Deno.test(
  "parseCliArgs() gives help for everything, groups and commands",
  PERMISSIONS,
  () => {
    const topic = (...args: string[]): string => {
      const { command } = parseCliArgs(args);
      return command.kind === "help" ? command.topic : command.kind;
    };
    assertEquals(topic("--help"), "");
    assertEquals(topic("help", "pack"), "pack");
    assertEquals(topic("pack", "-h"), "pack");
    assertEquals(topic("helpers", "--help"), "helpers");
    assertEquals(topic("helpers", "list", "--help"), "helpers list");
    assertEquals(topic("--version"), "version");
  },
);

Deno.test(
  "helpText() names every flag and example of every command within 80 columns",
  PERMISSIONS,
  () => {
    for (const [name, spec] of Object.entries(SPECS)) {
      const page = helpText(name);
      for (
        const flag of [...Object.keys(spec.flags), ...Object.keys(GLOBAL_FLAGS)]
      ) {
        assertStringIncludes(page, flag);
      }
      for (const { line } of spec.examples) assertStringIncludes(page, line);
      const tooLong = page.split("\n").find((line) =>
        line.length > 80 &&
        !spec.examples.some((example) => line.endsWith(example.line))
      );
      assertEquals(tooLong, undefined);
      assertStringIncludes(helpText(""), name);
    }
  },
);

Deno.test(
  "every example in the flag table is a command line that parses",
  PERMISSIONS,
  () => {
    for (const [name, spec] of Object.entries(SPECS)) {
      for (const { line } of spec.examples) {
        const [program, ...args] = line.split(" ");
        assertEquals(program, "flavor");
        assertEquals(parseCliArgs(args).command.kind, name);
      }
    }
  },
);

Deno.test(
  "parseCliArgs() tells where flags of the application belong",
  PERMISSIONS,
  () => {
    const error = throwsCode(
      "usage/bad-argument",
      () => parseCliArgs(["run", "app.psp", "--seven"]),
    );
    assertEquals(
      error.hint,
      "What is meant for the application comes after --",
    );
  },
);

for (const flag of ["--json=no", "--json=", "--no-verify=true"]) {
  Deno.test(`parseCliArgs() refuses ${flag}`, PERMISSIONS, () => {
    const error = throwsCode(
      "usage/bad-argument",
      () => parseCliArgs(["pack", flag]),
    );
    assertStringIncludes(error.message, "takes no value");
  });
}

Deno.test("no flag of a command hides a global one", PERMISSIONS, () => {
  const shorts = (flags: CommandSpec["flags"]): string[] =>
    Object.values(flags).flatMap(({ short }) =>
      short === undefined ? [] : [short]
    );
  for (const { flags } of Object.values(SPECS)) {
    const names = [...Object.keys(flags), ...Object.keys(GLOBAL_FLAGS)];
    assertEquals(new Set(names).size, names.length);
    const letters = [...shorts(flags), ...shorts(GLOBAL_FLAGS)];
    assertEquals(new Set(letters).size, letters.length);
  }
});
