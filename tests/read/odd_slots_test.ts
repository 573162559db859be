/** Slots that stand for the package itself, and what other builders write. */

import {
  BytesSource,
  MemoryTarget,
  type RandomAccessSource,
} from "@flavor/pspf/io";
import { PSPFReader, verifyPackage } from "@flavor/pspf/read";
import type { SlotDescriptor } from "@flavor/pspf/format";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers";
import { gzipSync } from "node:zlib";
import { makeSealedPackage } from "../support/sealed_package.ts";
import { rejectsCode } from "../support/throws_code.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

interface SlotJson {
  self_ref?: boolean;
  checksum?: string;
  permissions?: string;
}

/** Changes what the metadata says about the only slot. */
function editSlot(edit: (slot: SlotJson) => void): (json: string) => string {
  return (json) => {
    const document = JSON.parse(json);
    edit(document.slots[0]);
    return JSON.stringify(document);
  };
}

async function extracted(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<readonly string[]> {
  await using reader = await PSPFReader.open(bytes);
  const target = new MemoryTarget();
  await reader.extractAll(target);
  const entries = await Array.fromAsync(
    reader.entries(0),
    ({ path }) => path,
  );
  assertEquals([...target.entries.keys()], entries);
  return entries;
}

const asSelf = editSlot((slot) => {
  slot.self_ref = true;
  delete slot.checksum;
});

Deno.test("a slot that stands for the package itself has nothing to check or extract", async () => {
  const slots = [{ id: "self", stored: new Uint8Array() }];
  const bytes = await makeSealedPackage({ slots, editJson: asSelf });
  const { valid, checks } = await verifyPackage(bytes);
  assertEquals(valid, true);
  const check = checks.find(({ id }) => id === "slot-digest/0");
  assertEquals(check?.status, "skip");
  assertEquals(await extracted(bytes), []);
  await using reader = await PSPFReader.open(bytes);
  assertEquals((await new Response(reader.streamSlot(0)).bytes()).length, 0);
});

Deno.test("a slot that says so and has bytes is a slot like others", async () => {
  const slots = [{ id: "self", stored: encode("bytes") }];
  const editJson = editSlot((slot) => slot.self_ref = true);
  const bytes = await makeSealedPackage({ slots, editJson });
  assertEquals((await verifyPackage(bytes)).valid, true);
  assertEquals(await extracted(bytes), ["self"]);
  const bad = await makeSealedPackage({ slots, editJson: asSelf });
  const { checks } = await verifyPackage(bad);
  const failed = checks.filter(({ status }) => status === "fail");
  assertEquals(failed.map(({ code }) => code), ["verify/slot-digest"]);
});

Deno.test("a slot without bytes is an empty file", async () => {
  const slots = [{ id: "none", stored: new Uint8Array() }];
  assertEquals(await extracted(await makeSealedPackage({ slots })), ["none"]);
});

Deno.test("a checksum is read as any builder spells it, and has to be one", async () => {
  const slots = [{ id: "a", stored: encode("bytes") }];
  const isValid = async (
    edit: (checksum: string) => string,
  ): Promise<boolean> => {
    const editJson = editSlot((slot) => {
      slot.checksum = edit(slot.checksum ?? "");
    });
    const bytes = await makeSealedPackage({ slots, editJson });
    return (await verifyPackage(bytes)).valid;
  };
  assertEquals(await isValid((text) => `sha256:${text}`), true);
  assertEquals(await isValid((text) => text.slice(7).toUpperCase()), true);
  assertEquals(await isValid((text) => text.slice(0, -1)), false);
  assertEquals(await isValid((text) => `${text}0`), false);
  assertEquals(await isValid(() => ""), false);
});

async function permissionsOf(
  named: string | undefined,
  stored: number,
  isSealed = false,
): Promise<number> {
  const bytes = await makeSealedPackage({
    slots: [{ id: "a", stored: encode("bytes") }],
    isSealed,
    editJson: editSlot((slot) => {
      delete slot.permissions;
      if (named !== undefined) slot.permissions = named;
    }),
    editDescriptor: (slot) => ({ ...slot, permissions: stored }),
  });
  await using reader = await PSPFReader.open(bytes);
  return reader.slot(0).permissions;
}

Deno.test("permissions are those of the signed metadata, else of the table, else 0600", async () => {
  assertEquals(await permissionsOf("0755", 0o644), 0o755);
  assertEquals(await permissionsOf(undefined, 0o644), 0o644);
  assertEquals(await permissionsOf("0", 0o640), 0o640);
  assertEquals(await permissionsOf("nonsense", 0o640), 0o640);
  assertEquals(await permissionsOf(undefined, 0), 0o600);
  assertEquals(await permissionsOf("4755", 0), 0o755);
  assertEquals(await permissionsOf("0600", 0, true), 0o600);
  const error = await rejectsCode(
    "format/bad-slot",
    () => permissionsOf("0644", 0o755, true),
  );
  assertEquals(
    error.message,
    'Cannot use slot 0: its permissions are 755 in the table and "0644" in the metadata',
  );
  const unnamed = await rejectsCode(
    "format/bad-slot",
    () => permissionsOf(undefined, 0o755, true),
  );
  assert(unnamed.message.endsWith('and "" in the metadata'), unnamed.message);
});

Deno.test("the size of the content counts only where it is sealed and a number", async () => {
  const sizeWith = async (
    originalSize: bigint,
    isSealed: boolean,
  ): Promise<number | undefined> => {
    const bytes = await makeSealedPackage({
      slots: [{
        id: "a",
        stored: gzipSync(encode("bytes")),
        operations: "gzip",
        packed: 0x10n,
      }],
      isSealed,
      editDescriptor: (slot: SlotDescriptor) => ({ ...slot, originalSize }),
    });
    await using reader = await PSPFReader.open(bytes);
    return reader.slot(0).contentSize;
  };
  assertEquals(await sizeWith(5n, true), 5);
  assertEquals(await sizeWith(5n, false), undefined);
  assertEquals(await sizeWith(2n ** 53n - 1n, true), 2 ** 53 - 1);
  assertEquals(await sizeWith(2n ** 53n, true), undefined);
});

Deno.test("only in a sealed package must sections not overlap and metadata agree", async () => {
  const slots = [
    { id: "a", stored: encode("0123456789") },
    { id: "b", stored: encode("9") },
  ];
  const shared = (isSealed: boolean): Promise<Uint8Array<ArrayBuffer>> => {
    let first: SlotDescriptor | undefined;
    return makeSealedPackage({
      slots,
      isSealed,
      editDescriptor: (slot) =>
        first === undefined
          ? first = slot
          : { ...slot, offset: first.offset + 9n },
    });
  };
  await rejectsCode("format/bad-range", async () => {
    await PSPFReader.open(await shared(true));
  });
  await using reader = await PSPFReader.open(await shared(false));
  assertEquals(reader.slot(1).offset, reader.slot(0).offset + 9);
});

Deno.test("a slot that is not there is named with those that are", async () => {
  const slots = [{ id: "a", stored: encode("bytes") }];
  await using reader = await PSPFReader.open(
    await makeSealedPackage({ slots }),
  );
  assertEquals(reader.slot("a"), reader.slot(0));
  for (const reference of [1, "b", "0"]) {
    const error = await rejectsCode(
      "io/not-found",
      () => Promise.try(() => reader.slot(reference)),
    );
    assertEquals(error.context, { slot: reference, slots: ["a"] });
  }
});

Deno.test("content that was changed is refused at its end, except at level none", async () => {
  const slots = [{ id: "a", stored: encode("0123456789") }];
  const bytes = await makeSealedPackage({ slots });
  bytes[bytes.indexOf(0x39)] = 0x38;
  await using strict = await PSPFReader.open(bytes);
  await rejectsCode(
    "verify/slot-digest",
    () => new Response(strict.streamSlot("a")).bytes(),
  );
  await using none = await PSPFReader.open(bytes, { level: "none" });
  const read: number[] = [];
  const content = none.streamSlot("a", {
    onProgress: (count) => read.push(count),
  });
  assertEquals(await new Response(content).text(), "0123456788");
  assertEquals(read, [10]);
  assertEquals((await none.verifyChecksums()).valid, false);
});

Deno.test("the one file of a slot may be read, left alone or kept for later", async () => {
  const slots = [{ id: "a", stored: encode("0123456789") }];
  const bytes = await makeSealedPackage({ slots });
  const inner = new BytesSource(bytes);
  let cancelled = 0;
  const source: RandomAccessSource = {
    name: "counted",
    size: inner.size,
    read: (offset, length) => inner.read(offset, length),
    stream: (offset, length) => {
      let at = offset;
      return new ReadableStream({
        pull(controller): void {
          controller.enqueue(bytes.slice(at, ++at));
          if (at === offset + length) controller.close();
        },
        cancel(): void {
          cancelled++;
        },
      }, { highWaterMark: 0 });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  await using reader = await PSPFReader.open(source);
  for await (const entry of reader.entries(0)) {
    assertEquals([entry.kind, cancelled], ["file", 0]);
  }
  await new Promise<void>((resolve) => setImmediate(resolve));
  assertEquals(cancelled, 1);
  for await (const entry of reader.entries(0)) {
    if (entry.kind !== "file") continue;
    assertEquals(await new Response(entry.content).text(), "0123456789");
  }
  assertEquals(cancelled, 1);
});

Deno.test("a long check can be stopped by what else happens", async () => {
  const slots = [{ id: "a", stored: new Uint8Array(20 * 2 ** 20 + 5) }];
  const bytes = await makeSealedPackage({ slots });
  const inner = new BytesSource(bytes);
  const source: RandomAccessSource = {
    name: "fast",
    size: inner.size,
    read: (offset, length) => inner.read(offset, length),
    stream: (offset, length) => inner.stream(offset, length),
    readInto: (offset, into) => {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      return part.length;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  assertEquals((await verifyPackage(source)).valid, true);
  const stop = new AbortController();
  let done = 0;
  await assertRejects(() =>
    verifyPackage(source, {
      signal: stop.signal,
      onProgress: (count) => {
        if (done === 0) setImmediate(() => stop.abort());
        done += count;
      },
    })
  );
  assertEquals(done, 8 * 2 ** 20);
});
