import { assertEquals, assertStringIncludes } from "@std/assert";

import {
  COMMANDS,
  GLOBAL_FLAGS,
  GROUPS,
  parseCliArgs,
} from "../../lib/cli/mod.ts";
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
  "parseCliArgs() leaves what follows the package to the application",
  PERMISSIONS,
  () => {
    const lines: readonly (readonly [string[], string[]])[] = [
      [["a.psp"], []],
      [["a.psp", "serve", "--port=80", "-q", "-"], [
        "serve",
        "--port=80",
        "-q",
        "-",
      ]],
      [["a.psp", "--help", "--version", "--json"], [
        "--help",
        "--version",
        "--json",
      ]],
      [["a.psp", "--", "--help", "--", "007"], ["--help", "--", "007"]],
      [["a.psp", "x", "--", "--trusted-key", "k"], [
        "x",
        "--",
        "--trusted-key",
        "k",
      ]],
      [["a.psp", "--", "--trusted-key", "k"], ["--trusted-key", "k"]],
      [["--", "a.psp", "-x"], ["-x"]],
    ];
    for (const [words, rest] of lines) {
      const args = ["-q", "run", "--trusted-key", "key", ...words];
      const { command, globals } = parseCliArgs(args);
      if (command.kind !== "run") throw new Error(command.kind);
      assertEquals(command.operands, { package: "a.psp" });
      assertEquals(command.rest, rest);
      assertEquals(command.flags["trusted-key"], ["key"]);
      assertEquals([globals.quiet, globals.json], [true, false]);
    }
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
  [["helpers"], "One of: list, info, build, fetch, test, clean"],
  [["pack", "--manifst", "x"], 'Did you mean "--manifest"?'],
  [["pack", "--no-verfy"], 'Did you mean "--no-verify"?'],
  [["verify", "a", "--level", "strct"], 'Did you mean "strict"?'],
  [
    ["run", "-x", "a.psp"],
    "Options for the application come after the package",
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
      // The flags of every command are named and not explained again.
      assertEquals(page.includes(GLOBAL_FLAGS.json.help), false);
      assertEquals(
        page.split("\n")[0]?.startsWith(spec.summary.slice(0, 40)),
        true,
      );
      for (const { line } of spec.examples) assertStringIncludes(page, line);
      const tooLong = page.split("\n").find((line) =>
        line.length > 80 &&
        !spec.examples.some((example) => line.endsWith(example.line))
      );
      assertEquals(tooLong, undefined);
      assertStringIncludes(helpText(""), name);
    }
    for (const [group, summary] of Object.entries(GROUPS)) {
      const leading = helpText(group).split("\n\n")[0]?.replaceAll("\n", " ");
      assertEquals(leading, `${summary}.`);
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
  "parseCliArgs() does not give a trusted key to the application by mistake",
  PERMISSIONS,
  () => {
    for (const flag of ["--trusted-key", "--trusted-key=k"]) {
      const error = throwsCode(
        "usage/bad-argument",
        () => parseCliArgs(["run", "app.psp", "serve", flag, "k"]),
      );
      assertEquals(
        error.message,
        '"--trusted-key" has to come before the package',
      );
    }
  },
);

Deno.test(
  "parseCliArgs() shows the version after every command, and does nothing else",
  PERMISSIONS,
  () => {
    const groups = Object.keys(SPECS).map((name) => name.split(" ")[0] ?? "");
    for (const name of [...Object.keys(SPECS), ...groups]) {
      for (const flag of ["--version", "-V"]) {
        const { command } = parseCliArgs([...name.split(" "), flag]);
        assertEquals(command.kind, "version", name);
      }
    }
  },
);

Deno.test(
  "parseCliArgs() takes a dash for a value and an operand, and anything behind -- for an operand",
  PERMISSIONS,
  () => {
    for (
      const args of [["--output", "-"], ["--output=-"], ["-o", "-"], ["-o-"]]
    ) {
      const { command } = parseCliArgs(["pack", ...args]);
      if (command.kind !== "pack") throw new Error(command.kind);
      assertEquals(command.flags.output, "-");
    }
    const { command } = parseCliArgs([
      "extract",
      "--raw",
      "--",
      "-a",
      "0",
      "-",
    ]);
    if (command.kind !== "extract") throw new Error(command.kind);
    assertEquals(Object.values(command.operands), ["-a", "0", "-"]);
  },
);

Deno.test(
  "parseCliArgs() reads sizes and ages, also where nothing needs them",
  PERMISSIONS,
  () => {
    const { command } = parseCliArgs([
      "workenv",
      "clean",
      "--max-size=1.5K",
      "--older-than",
      "2d",
    ]);
    if (command.kind !== "workenv clean") throw new Error(command.kind);
    assertEquals(command.flags["max-size"], 1536);
    assertEquals(command.flags["older-than"], 172_800_000);
    const pack = parseCliArgs(["pack"]).command;
    if (pack.kind !== "pack") throw new Error(pack.kind);
    assertEquals(pack.flags["cache-size"], 2 ** 32);
    for (
      const [name, ...flags] of [["pack", "--cache-size", "huge"], [
        "pack",
        "--cache-size=",
      ], ["workenv", "clean", "--older-than=soon"]] as const
    ) {
      throwsCode("usage/bad-argument", () => parseCliArgs([name, ...flags]));
    }
  },
);

Deno.test(
  "parseCliArgs() takes several packages to verify",
  PERMISSIONS,
  () => {
    const { command } = parseCliArgs(["verify", "a", "-q", "b", "c"]);
    if (command.kind !== "verify") throw new Error(command.kind);
    assertEquals(command.operands.packages, ["a", "b", "c"]);
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

Deno.test(
  "parseCliArgs() takes a port only where there can be one",
  PERMISSIONS,
  () => {
    const port = (value: string): unknown => {
      const { command } = parseCliArgs(["serve", "dist", "--port", value]);
      return command.kind === "serve" ? command.flags.port : undefined;
    };
    assertEquals([port("0"), port("65535")], [0, 65535]);
    throwsCode("usage/bad-argument", () => port("65536"));
  },
);
