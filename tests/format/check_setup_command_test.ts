import { parseMetadata } from "@flavor/pspf/format";
import type { JsonValue } from "../../lib/errors.ts";
import { throwsCode } from "../support/throws_code.ts";

function parse(command: JsonValue): void {
  const document = {
    format: "PSPF/2025",
    package: { name: "a", version: "1" },
    setup_commands: [command],
  };
  parseMetadata(new TextEncoder().encode(JSON.stringify(document)));
}

Deno.test("parseMetadata() takes every setup command that a launcher can read", () => {
  parse("echo hello");
  parse({ command: "echo hello" });
  parse({ type: "write_file", path: "a", content: "", mode: 420 });
  parse({ type: "chmod", path: "a", mode: null });
  parse({ type: "enumerate_and_execute", command: "x", enumerate: {} });
  parse({ type: "of a later version" });
  // Unknown as well, and known to every object.
  parse({ type: "constructor" });
  parse({ type: "__proto__" });
});

Deno.test("parseMetadata() refuses a setup command that a launcher cannot read", () => {
  const wrong: readonly JsonValue[] = [
    1,
    null,
    [],
    {},
    { type: 7 },
    { type: "execute", command: 1 },
    { type: "write_file", path: "a" },
    { type: "chmod", path: "a", mode: -1 },
    { type: "chmod", path: "a", batch: "yes" },
    { type: "enumerate_and_execute", command: "x" },
    { type: "enumerate_and_execute", command: "x", enumerate: { path: 1 } },
    { type: "enumerate_and_execute", command: "x", enumerate: { pattern: 1 } },
  ];
  for (const command of wrong) {
    throwsCode("format/bad-metadata", () => parse(command));
  }
});
