/** JSON that every reader has to understand alike. */

import { assertEquals } from "@std/assert";
import {
  isWrittenWhole,
  parseStrictJson,
} from "../../lib/format/strict_json.ts";
import { throwsCode } from "../support/throws_code.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

function parse(text: string, maxDepth = 3): unknown {
  return parseStrictJson(encode(text), { maxDepth });
}

function problemWith(text: string | Uint8Array, maxDepth = 3): string {
  const bytes = typeof text === "string" ? encode(text) : text;
  const { message, context } = throwsCode(
    "format/bad-metadata",
    () => parseStrictJson(bytes, { maxDepth }),
  );
  const { character = "" } = context;
  return `${message.replace("Cannot read the metadata: ", "")} ${character}`
    .trim();
}

Deno.test("parseStrictJson() takes repeated texts that are no keys of one object", () => {
  for (
    const text of [
      '{"a":"a","b":["a","a"],"c":{"a":"b"}}',
      '[{"a":1},{"a":2}]',
      '{"a":[{"b":1}],"b":{"c":"]}"}}',
      '{"\\"a":1,"a\\\\":2,"a":":"}',
      '["a" , "a"]',
      '"a"',
    ]
  ) {
    assertEquals(parse(text), JSON.parse(text));
  }
});

Deno.test("parseStrictJson() names a key that stands twice and where", () => {
  assertEquals(problemWith('{"a":1,"a":2}'), 'key "a" is repeated 7');
  assertEquals(
    problemWith('{"a"\n:1, "\\u0061" : 2}'),
    'key "a" is repeated 9',
  );
  assertEquals(problemWith('{"b":[{"a":1}],"b":2}'), 'key "b" is repeated 15');
  assertEquals(problemWith('{"b":{"a":1},"b":2}'), 'key "b" is repeated 13');
  assertEquals(problemWith('[{"a":[],"a":2}]'), 'key "a" is repeated 9');
});

Deno.test("parseStrictJson() refuses nesting beyond the limit, and nothing else", () => {
  parse("[[[]]]");
  parse('{"a":{"b":{}},"c":[[]]}');
  parse("[[],[],[],[],[[]]]");
  assertEquals(problemWith("[[[[]]]]"), "it is nested deeper than 3 3");
  assertEquals(
    problemWith('{"a":[{"b":{}}]}'),
    "it is nested deeper than 3 11",
  );
});

Deno.test("parseStrictJson() says what else is wrong", () => {
  assertEquals(problemWith('{"a":}'), "it is not valid JSON");
  assertEquals(problemWith("\ufeff{}"), "it is not valid JSON");
  assertEquals(
    problemWith(new Uint8Array([0x22, 0xff, 0x22])),
    "it is not valid UTF-8",
  );
  assertEquals(
    problemWith('["\\ud800"]'),
    "a string has an unpaired surrogate 1",
  );
});

Deno.test("isWrittenWhole() tells 1 from 1.0, at every place", () => {
  const value = parse(
    '{"a":1,"b":1.0,"c":[10,1e1,-0,0],"d":-7,"e":"1.0","f":0}',
  ) as { c: object };
  const odd = (holder: object): string[] =>
    Object.keys(holder).filter((key) => !isWrittenWhole(holder, key));
  assertEquals(odd(value), ["b"]);
  assertEquals(odd(value.c), ["1", "2"]);
});
