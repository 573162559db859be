/** Which checks there are, and what stands between the parts of a package. */

import { BytesSource, type RandomAccessSource } from "@flavor/pspf/io";
import { verifyPackage } from "@flavor/pspf/read";
import { assertEquals } from "@std/assert";
import {
  makeSealedPackage,
  type SealedOptions,
} from "../support/sealed_package.ts";

const SLOTS = [
  { id: "a", stored: new Uint8Array(9).fill(7) },
  { id: "b", stored: new Uint8Array(17).fill(8) },
];

async function statuses(
  options: SealedOptions,
  level: "strict" | "standard" | "relaxed" | "minimal" | "none",
): Promise<readonly string[]> {
  const { checks } = await verifyPackage(await makeSealedPackage(options), {
    level,
  });
  return checks.map(({ id, status }) => `${id} ${status}`);
}

const OPENING = [
  "trailer pass",
  "index-checksum pass",
  "format-version pass",
  "package-size pass",
  "ranges pass",
];

Deno.test("a sealed package passes every check, in this order", async () => {
  assertEquals(await statuses({ slots: SLOTS }, "strict"), [
    ...OPENING,
    "seal pass",
    "slot-table-digest pass",
    "trusted-key skip",
    "metadata-digest pass",
    "metadata-encoding pass",
    "signature pass",
    "metadata pass",
    "slot-count pass",
    "slots pass",
    "slot-digest/0 pass",
    "slot-digest/1 pass",
    "launcher-digest pass",
    "padding pass",
  ]);
});

Deno.test("a package without a seal proves less, and says so", async () => {
  const options = { slots: SLOTS, isSealed: false };
  const rest = [
    "trusted-key skip",
    "metadata-digest pass",
    "metadata-encoding pass",
    "signature pass",
    "metadata pass",
    "slot-count pass",
    "slots pass",
    "slot-digest/0 pass",
    "slot-digest/1 pass",
    "launcher-digest skip",
    "padding skip",
  ];
  assertEquals(await statuses(options, "standard"), [
    ...OPENING,
    "seal warn",
    ...rest,
  ]);
  assertEquals(await statuses(options, "strict"), [
    ...OPENING,
    "seal fail",
    ...rest,
  ]);
});

Deno.test("level none proves nothing and checks the structure", async () => {
  assertEquals(await statuses({ slots: SLOTS }, "none"), [
    "level warn",
    ...OPENING,
    "seal skip",
    "slot-table-digest skip",
    "trusted-key skip",
    "metadata-digest skip",
    "metadata-encoding pass",
    "signature skip",
    "metadata pass",
    "slot-count pass",
    "slots pass",
    "slot-digest/0 skip",
    "slot-digest/1 skip",
    "launcher-digest skip",
    "padding skip",
  ]);
});

/** Serves bytes one by one, and no piece without any. */
function oneByOne(bytes: Uint8Array): RandomAccessSource {
  const inner = new BytesSource(bytes);
  return {
    name: "one by one",
    size: inner.size,
    read: (offset, length) => inner.read(offset, length),
    stream: (offset, length) => {
      if (length === 0) throw new Error("nobody can be asked for nothing");
      let at = offset;
      return new ReadableStream({
        pull(controller): void {
          controller.enqueue(bytes.slice(at, ++at));
          if (at === offset + length) controller.close();
        },
      });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

Deno.test("every byte between the sections has to be zero, and is named", async () => {
  const bytes = await makeSealedPackage({ slots: SLOTS });
  assertEquals((await verifyPackage(oneByOne(bytes))).valid, true);
  // The slots begin at 8 and 24, and the metadata behind the second at 48.
  for (const at of [17, 18, 23, 41, 47]) {
    const changed = bytes.slice();
    changed[at] = 5;
    for (const source of [new BytesSource(changed), oneByOne(changed)]) {
      const { checks } = await verifyPackage(source);
      const failed = checks.filter(({ status }) => status === "fail");
      assertEquals(failed.map(({ code, detail }) => [code, detail]), [[
        "format/bad-padding",
        `Cannot trust the package: byte ${at} between two sections is not zero`,
      ]]);
    }
  }
});
