import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { parseManifest } from "@flavor/pspf/manifest";
import { throwsCode } from "../support/throws_code.ts";

const PERMISSIONS = { permissions: "none" } as const;

/** Lines 1 and 2 of every document here. */
const HEAD = `package = { name = "demo", version = "1" }
execution = { command = "app" }
`;

function reasonOf(text: string): string {
  const error = throwsCode(
    "manifest/syntax",
    () => parseManifest(text, { format: "toml", name: "flavor.toml" }),
  );
  const prefix = "Cannot read flavor.toml: ";
  assertStringIncludes(error.message, prefix);
  return error.message.slice(prefix.length);
}

/** What stands behind the head, and what is said about it. */
const REFUSED: Readonly<Record<string, readonly [text: string, says: string]>> =
  {
    "a key that is given twice": [
      'slots = []\nlauncher = "a"\nlauncher = "b"',
      'line 5: the key "launcher" is given twice',
    ],
    "a key of an inline table that is given twice": [
      'custom = { a = 1, "a" = 2 }',
      'line 3: the key "custom.a" is given twice',
    ],
    "a table that is defined twice": [
      "[build]\nlevel = 1\n[build]\nportable = true",
      'line 5: the table "build" is defined twice',
    ],
    "a table that an inline table has defined": [
      '[package]\ndescription = "x"',
      'line 3: "package" is complete already and cannot be extended',
    ],
    "a table inside of an inline table": [
      "[execution.env]",
      'line 3: "execution" is complete already and cannot be extended',
    ],
    "a dotted key that reaches into another table": [
      '[runtime.env]\nunset = []\n[runtime]\nenv.set = { A = "b" }',
      'line 6: "runtime.env" is complete already and cannot be extended',
    ],
    "a list of tables behind a list of values": [
      "slots = []\n[[slots]]",
      'line 4: "slots" is complete already and cannot be extended',
    ],
    "two pairs on one line": [
      'launcher = "a" slots = []',
      "line 3: expected the end of the line, found s",
    ],
    "two headers on one line": [
      "[build] [workenv]",
      "line 3: expected the end of the line, found [",
    ],
    "a control character in a string": [
      'launcher = "a\x07b"',
      "line 3: the control character U+0007 is not allowed; in a string, write \\u0007",
    ],
    "a control character in a comment": [
      "# a\x00b",
      "line 3: the control character U+0000 is not allowed; in a string, write \\u0000",
    ],
    "a carriage return that ends no line": [
      "# a\rb",
      "line 3: the control character U+000D is not allowed; in a string, write \\u000d",
    ],
    "a key called __proto__": [
      "[custom]\n__proto__ = { a = 1 }",
      'line 4: "__proto__" cannot be a key',
    ],
    "an integer that no double holds": [
      "[custom]\nn = 9_007_199_254_740_993",
      "line 4: 9_007_199_254_740_993 is too large: integers go up to 9007199254740991",
    ],
    "a large integer in hexadecimal": [
      "[custom]\nn = [0, 0x20000000000001]",
      "line 4: 0x20000000000001 is too large: integers go up to 9007199254740991",
    ],
    "a prefix of a number in capitals": [
      "[custom]\nn = 0X1F",
      "line 4: 0X1F is not a value; put text in quotes",
    ],
    "text without quotes": [
      "launcher = bin/launcher",
      "line 3: bin/launcher is not a value; put text in quotes",
    ],
    "a brace in place of a value": [
      "launcher = x}",
      "line 3: x is not a value; put text in quotes",
    ],
    "a time, which would become a string": [
      "[custom]\nat = 07:32:00",
      "line 4: 07:32:00 is a date or a time, which JSON cannot hold; put it in quotes",
    ],
    "a date": [
      "custom = { when = 2024-01-01 }",
      "line 3: 2024-01-01 is a date or a time, which JSON cannot hold; put it in quotes",
    ],
    "an infinite number": [
      "[custom]\nn = [-inf]",
      "line 4: -inf is a number that JSON cannot hold",
    ],
    "a float that no double holds": [
      "[custom]\nn = 1e400",
      "line 4: 1e400 is a number that JSON cannot hold",
    ],
    "half of a character": [
      'launcher = "\\ud800"',
      "line 3: the escape \\ud800 stands for no character",
    ],
    "a long escape, which the parser reads in part": [
      'launcher = "\\U0001F600"',
      "line 3: the escape \\U does not exist, or is not supported here",
    ],
    "an escape that does not exist": [
      'launcher = "C:\\path"',
      "line 3: the escape \\p does not exist, or is not supported here",
    ],
    "a string that does not end": [
      'launcher = "x\nslots = []',
      "line 3: the string does not end on its line",
    ],
    "a missing value": [
      "launcher =\n",
      "line 3: expected a value, found the end of the line",
    ],
    "a missing equals sign": [
      "launcher\n",
      'line 3: expected "=" behind the key, found the end of the line',
    ],
    "an empty key": ["= 1", "line 3: expected a key, found ="],
    "an array without end": [
      "slots = [\n1,",
      'line 4: expected a value or "]", found the end of the file',
    ],
    "a comma that nothing follows in an inline table": [
      "build = { level = 1, }",
      "line 3: expected a key, found }",
    ],
  };

for (const [name, [text, says]] of Object.entries(REFUSED)) {
  Deno.test(
    `parseManifest() refuses ${name} in TOML, and names the line`,
    PERMISSIONS,
    () => {
      assertEquals(reasonOf(`${HEAD}${text}`), says);
    },
  );
}

Deno.test(
  "parseManifest() says which table has to come first for the parser",
  PERMISSIONS,
  () => {
    const reason = reasonOf(
      '[package]\nname = "x"\n[execution.env]\nA = "b"\n[execution]\ncommand = "x"',
    );
    assertEquals(
      reason,
      "line 5: the table [execution] has to stand before the tables inside of it",
    );
  },
);

Deno.test(
  "parseManifest() takes every form of TOML that a manifest needs",
  PERMISSIONS,
  () => {
    const plan = parseManifest(
      `\ufeff# comment with \t tab\r
[package]   # comment
"name" = 'demo'
version = """1"""
[execution]
command = '''app'''
env.A = "1"
env."B C" = "\\t\\"\\u00e9\\\\"
[[slots]]
id = "a" ; target = "a"
`.replace(" ; ", "\n") + `source = "a"
operations = """\\
  tar.\\
  zst"""
[[slots]]
id = "b"
source = "b"
target = "b"
include = [
  "a", # one
  "b",
]
[custom.numbers]
integers = [0, -1, +1_000, 0xDEAD_beef, 0o17, 0b11, 9007199254740991]
floats = [1.5, -0.0, 6.02e23, 1e-2]
[[custom.list]]
a.b = { c = {}, d = [[1], [{ e = true }]] }
[custom.list.inner]
x = 1
[[custom.list]]
[custom.list.inner]
x = 2
`,
      { format: "toml" },
    );
    assertEquals(plan.execution.env, { A: "1", "B C": '\t"é\\' });
    assertEquals(plan.slots.map(({ operations }) => operations?.toString()), [
      "tar.zst",
      undefined,
    ]);
    assertEquals(plan.custom?.["list"], [
      { a: { b: { c: {}, d: [[1], [{ e: true }]] } }, inner: { x: 1 } },
      { inner: { x: 2 } },
    ]);
    assertMatch(
      JSON.stringify(plan.custom),
      /"integers":\[0,-1,1000,3735928559/,
    );
  },
);

Deno.test(
  "parseManifest() is done soon with a string or a list of a million characters",
  PERMISSIONS,
  () => {
    const long = "x".repeat(1_000_000);
    const list = "1,".repeat(500_000);
    for (
      const [text, ends] of [[`a = "${long}`, "does not end on its line"], [
        `a = [${list}`,
        "the end of the file",
      ]] as const
    ) {
      assertStringIncludes(reasonOf(`${HEAD}${text}`), ends);
    }
    assertStringIncludes(
      reasonOf(`${HEAD}custom = { a = ${"[".repeat(100_000)}`),
      "nested deeper than 64",
    );
  },
);
