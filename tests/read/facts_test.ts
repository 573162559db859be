/** What is said of packages, and of sources that do not keep their word. */

import { parseMetadata } from "@flavor/pspf/format";
import {
  BytesSource,
  MemoryTarget,
  type RandomAccessSource,
} from "@flavor/pspf/io";
import { inspectPackage, PSPFReader, verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import { PspfError } from "../../lib/errors.ts";
import { openPackage } from "../../lib/read/open_package.ts";
import { verdictJson } from "../../lib/read/package_json.ts";
import { judgePackage } from "../../lib/read/verdict.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";
import { rejectsCode } from "../support/throws_code.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const SLOTS = [
  { id: "some", stored: encode("0123456789") },
  { id: "none", stored: new Uint8Array() },
] as const;

/** A source that is asked through some other functions. */
function sourceOf(
  bytes: Uint8Array,
  others: Partial<RandomAccessSource>,
): RandomAccessSource {
  const inner = new BytesSource(bytes);
  return {
    name: "source",
    size: inner.size,
    read: (...args) => inner.read(...args),
    stream: (...args) => inner.stream(...args),
    [Symbol.asyncDispose]: () => Promise.resolve(),
    ...others,
  };
}

Deno.test("a source that ends before its size is an error, never a verdict", async () => {
  const bytes = await makeSealedPackage({ slots: SLOTS });
  const source = sourceOf(bytes, { readInto: () => 0 });
  await rejectsCode("io/failed", () => verifyPackage(source));
});

Deno.test("an error of a source is passed on, and nothing else is read", async () => {
  const bytes = await makeSealedPackage({ slots: SLOTS });
  let count = 0;
  const source = sourceOf(bytes, {
    read: () => {
      count += 1;
      return Promise.reject(new PspfError("io/denied", "no"));
    },
  });
  await rejectsCode("io/denied", () => PSPFReader.open(source));
  assertEquals(count, 1);
});

Deno.test("inspectPackage() gives ratios, and 1 for nothing", async () => {
  const { slots } = await inspectPackage(
    await makeSealedPackage({ slots: SLOTS }),
  );
  assertEquals(slots.map(({ ratio }) => ratio), [1, 1]);
  const half = await inspectPackage(
    await makeSealedPackage({
      slots: [{ id: "a", stored: encode("01234"), originalSize: 10 }],
    }),
  );
  assertEquals(half.slots.map(({ ratio }) => ratio), [0.5]);
});

Deno.test("checks have a code and a hint only where there is one", async () => {
  const bytes = await makeSealedPackage({ slots: SLOTS });
  const good = await judgePackage("a", new BytesSource(bytes), {
    level: "strict",
  });
  const text = JSON.stringify(verdictJson(good));
  assertEquals(text.includes('"code"'), false);
  bytes[bytes.indexOf(0x39)] = 0x38;
  const bad = await judgePackage("a", new BytesSource(bytes), {
    level: "strict",
  });
  const { checks } = JSON.parse(JSON.stringify(verdictJson(bad)));
  const coded = checks.filter((one: object) => "code" in one);
  assertEquals(
    coded.map(({ id, code }: Record<string, string>) => [id, code]),
    [
      ["slot-digest/0", "verify/slot-digest"],
    ],
  );
});

Deno.test("a bad checksum is named with where it stands", async () => {
  const bytes = await makeSealedPackage({ slots: SLOTS });
  const offset = bytes.length - 8200 + 4;
  bytes[offset + 4] = (bytes[offset + 4] ?? 0) ^ 1;
  const error = await PSPFReader.open(bytes).then(() => undefined, (e) => e);
  assertEquals(error.code, "format/bad-checksum");
  assertEquals(error.context.offset, offset);
});

Deno.test("a key that stands twice is refused, whatever stands before its colon", () => {
  for (const blank of ["", " ", "\n\t"]) {
    const text = `{"format"${blank}:"PSPF/2025","format"${blank}:"PSPF/2025"}`;
    let code = "";
    try {
      parseMetadata(encode(text));
    } catch (error) {
      if (error instanceof PspfError) code = `${error.message}`;
    }
    assert(
      /"format" is repeated/.test(code),
      `${JSON.stringify(blank)}: ${code}`,
    );
  }
});

Deno.test("extractAll() finishes its target once, after all slots", async () => {
  const bytes = await makeSealedPackage({ slots: SLOTS });
  await using reader = await PSPFReader.open(bytes);
  const finished: number[] = [];
  const target = new class extends MemoryTarget {
    override finish(): Promise<void> {
      finished.push(this.entries.size);
      return super.finish();
    }
  }();
  await reader.extractAll(target);
  assertEquals(finished, [target.entries.size]);
});

Deno.test("a reader closes the source that it took over, and none that it was given", async () => {
  let closed = 0;
  const source = sourceOf(await makeSealedPackage({ slots: SLOTS }), {
    [Symbol.asyncDispose]: () => {
      closed++;
      return Promise.resolve();
    },
  });
  await (await PSPFReader.open(source))[Symbol.asyncDispose]();
  assertEquals(closed, 0);
  await new PSPFReader(await openPackage(source))[Symbol.asyncDispose]();
  assertEquals(closed, 1);
});
