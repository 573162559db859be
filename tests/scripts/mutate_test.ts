import { assert, assertEquals } from "@std/assert";
import { listMutants } from "../../scripts/mutate/mutants.ts";

function changes(source: string): string[] {
  return listMutants("lib/a.ts", source).map(({ after }) => after);
}

Deno.test("listMutants() changes signs, constants and conditions", () => {
  const source = `const a: number = x < 1 && !y ? b - 2n : -z;\n`;
  assertEquals(changes(source), [
    "const a: number = x <= 1 && !y ? b - 2n : -z;",
    "const a: number = x < (1 + 1) && !y ? b - 2n : -z;",
    "const a: number = x < 1 || !y ? b - 2n : -z;",
    "const a: number = x < 1 && y ? b - 2n : -z;",
    "const a: number = x < 1 && !y ? b + 2n : -z;",
    "const a: number = x < 1 && !y ? b - (2n + 1n) : -z;",
  ]);
  assertEquals(changes(`if (kind === "file") take(kind ?? "x");\n`), [
    `if (!(kind === "file")) take(kind ?? "x");`,
    `if (kind !== "file") take(kind ?? "x");`,
    `if (kind === "?") take(kind ?? "x");`,
    `if (kind === "file") ;`,
    `if (kind === "file") take(kind && "x");`,
  ]);
});

Deno.test("listMutants() removes statements, and nothing that only looks like one", () => {
  const source = `function f() {
  if (a) throw new Error("x");
  this.go();
  for (const b of c) { continue; }
  const d = { e, f: g() };
  return d;
}
`;
  assertEquals(changes(source), [
    `if (!(a)) throw new Error("x");`,
    "if (a) ;",
    ";",
    "for (const b of c) { ; }",
  ]);
});

Deno.test("listMutants() leaves types, comments, texts and patterns alone", () => {
  const source = `/* a < b */ type A = B | C; // a && b
interface D<E> { readonly f: E | undefined; }
const g: Map<string, number> = h as D<"x" & "y">;
const i = "a < b && 1";
const j = /[/"]+ \\d+ && 1/g;
const k = \`a < b \${l(\`1 \${m}\`)} && 1\`;
`;
  assertEquals(changes(source), []);
  assertEquals(changes("const k = `1 ${a < b} 1 ${`${c > d}`}`;\n"), [
    "const k = `1 ${a <= b} 1 ${`${c > d}`}`;",
    "const k = `1 ${a < b} 1 ${`${c >= d}`}`;",
  ]);
});

Deno.test("listMutants() names the line, and gives a whole program that differs in one place", async () => {
  const url = new URL("../../lib/archive/read_tar.ts", import.meta.url);
  const source = await Deno.readTextFile(url);
  const mutants = listMutants("lib/archive/read_tar.ts", source);
  assert(mutants.length > 50);
  const lines = source.split("\n");
  for (const { line, before, text } of mutants) {
    assert(before.startsWith(lines[line - 1]?.trim() ?? "?"), before);
    assert(text !== source);
    assert(Math.abs(text.length - source.length) < 600);
  }
});
