/** Packages whose signatures all fit, made by somebody who means harm. */

import { keyFingerprint, sha256 } from "@flavor/pspf/crypto";
import type { SlotDescriptor } from "@flavor/pspf/format";
import { writeIndexChecksum } from "../../lib/format/index_block.ts";
import { BytesSource, MemoryTarget } from "@flavor/pspf/io";
import { openPackage } from "../../lib/read/open_package.ts";
import { PSPFReader, verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import {
  makeSealedPackage,
  type SealedOptions,
} from "../support/sealed_package.ts";
import { makeTar } from "../support/make_tar.ts";
import { rejectsCode } from "../support/throws_code.ts";

const SLOTS = [{ id: "a", stored: new Uint8Array(100).fill(7) }];
const EVIL = [
  0n,
  1n,
  2n ** 64n - 1n,
  2n ** 32n,
  2n ** 63n,
  2n ** 53n,
  8200n,
  65536n,
];

async function codeOf(options: SealedOptions): Promise<string | undefined> {
  const source = new BytesSource(
    await makeSealedPackage({ slots: SLOTS, ...options }),
  );
  const { checks } = await verifyPackage(source);
  return checks.find(({ status }) => status === "fail")?.code;
}

Deno.test("verifyPackage() accepts the package that the hostile ones are made of", async () => {
  assertEquals(await codeOf({}), undefined);
});

Deno.test("verifyPackage() refuses every impossible offset and size of the index", async () => {
  for (const at of [8, 16, 24, 32, 40, 48]) {
    for (const value of EVIL) {
      const code = await codeOf({
        editBlock: (block) => {
          new DataView(block.buffer, block.byteOffset).setBigUint64(
            at,
            value,
            true,
          );
        },
      });
      assert(code !== undefined, `index byte ${at} is ${value}`);
    }
  }
});

Deno.test("verifyPackage() refuses every impossible slot count", async () => {
  for (const count of [0, 2, 65535, 65536, 2 ** 31, 2 ** 32 - 1]) {
    const code = await codeOf({
      editBlock: (block) =>
        new DataView(block.buffer, block.byteOffset).setUint32(56, count, true),
    });
    assert(
      code === "format/bad-range" || code === "format/too-large",
      `${count}: ${code}`,
    );
  }
});

Deno.test("verifyPackage() refuses every impossible offset and size of a slot", async () => {
  for (const field of ["offset", "size"] as const) {
    for (const value of EVIL) {
      const editDescriptor = (slot: SlotDescriptor): SlotDescriptor => ({
        ...slot,
        [field]: value,
      });
      assert(
        await codeOf({ editDescriptor }) !== undefined,
        `${field} is ${value}`,
      );
    }
  }
});

Deno.test("verifyPackage() refuses metadata larger than 16 MiB before it is read", async () => {
  let longest = 0;
  const file = await makeSealedPackage({ slots: SLOTS });
  const size = 2 ** 40;
  const bytes = new BytesSource(file);
  const end = size - file.length;
  const block = file.subarray(file.length - 8196, file.length - 4);
  const view = new DataView(block.buffer, block.byteOffset);
  view.setBigUint64(8, BigInt(size), true);
  view.setBigUint64(32, 2n ** 30n, true);
  writeIndexChecksum(block);
  const source = {
    name: "huge",
    size,
    read: (offset: number, length: number): Promise<Uint8Array> => {
      longest = Math.max(longest, length);
      const missing = Math.min(length, Math.max(0, end - offset));
      const zeros = new Uint8Array(missing);
      return bytes.read(offset + missing - end, length - missing)
        .then((rest) => new Uint8Array([...zeros, ...rest]));
    },
    stream: bytes.stream,
    [Symbol.asyncDispose]: (): Promise<void> => Promise.resolve(),
  };
  await rejectsCode("format/too-large", () => openPackage(source));
  assertEquals(longest, 64 * 1024);
});

const JSON_CASES: Record<
  string,
  (json: string) => string | Uint8Array<ArrayBuffer>
> = {
  "a repeated key": (json) => json.replace("{", '{ "format": "PSPF/2025",'),
  "a repeated key deep inside": (json) =>
    json.replace('"env": {}', '"env": { "A": "1", "\\u0041": "2" }'),
  "deep nesting": (json) =>
    json.replace("{", `{ "x": ${"[".repeat(99)}${"]".repeat(99)},`),
  "very deep nesting": (json) =>
    json.replace("{", `{ "x": ${"[".repeat(2e5)}${"]".repeat(2e5)},`),
  "a byte order mark": (json) => `\ufeff${json}`,
  "something behind it": (json) => `${json} {}`,
  "an unpaired surrogate": (json) => json.replace('"test"', '"\\ud800"'),
  "invalid UTF-8": (json) =>
    new Uint8Array([
      ...new TextEncoder().encode(json.replace("test", "te")),
      0xff,
    ]),
  "another format": (json) => json.replace("PSPF/2025", "PSPF/2024"),
  "slots that are no list": (json) =>
    json.replace('"setup_commands": []', '"setup_commands": {}'),
  "a list instead of an object": () => "[]",
  "nothing": () => "",
};

for (const [name, editJson] of Object.entries(JSON_CASES)) {
  Deno.test(`verifyPackage() refuses metadata with ${name}`, async () => {
    assertEquals(await codeOf({ editJson }), "format/bad-metadata");
  });
}

Deno.test("verifyPackage() refuses a metadata bomb", async () => {
  const custom = { text: "x".repeat(17 * 2 ** 20) };
  assertEquals(await codeOf({ metadata: { custom } }), "format/too-large");
});

Deno.test("verifyPackage() refuses slots that disagree with the metadata", async () => {
  const edits: Record<string, (slot: SlotDescriptor) => SlotDescriptor> = {
    size: (slot) => ({ ...slot, size: slot.size - 1n }),
    operations: (slot) => ({ ...slot, operations: 0x10n }),
    permissions: (slot) => ({ ...slot, permissions: 0o755 }),
  };
  for (const [name, editDescriptor] of Object.entries(edits)) {
    assertEquals(await codeOf({ editDescriptor }), "format/bad-slot", name);
  }
  const editJson = (json: string): string =>
    json.replace('"slot": 0', '"slot": 1');
  assertEquals(await codeOf({ editJson }), "format/bad-slot");
});

Deno.test("verifyPackage() refuses a slot that lies over another section", async () => {
  const editDescriptor = (slot: SlotDescriptor): SlotDescriptor => ({
    ...slot,
    offset: 4n,
  });
  assertEquals(await codeOf({ editDescriptor }), "format/bad-range");
});

Deno.test("verifyPackage() refuses unknown operations and holes", async () => {
  for (const operations of [0x31n, 0x100001n, 0xffn << 56n]) {
    const editDescriptor = (slot: SlotDescriptor): SlotDescriptor => ({
      ...slot,
      operations,
    });
    assertEquals(await codeOf({ editDescriptor }), "format/bad-operations");
  }
});

Deno.test("verifyPackage() refuses another launcher than the sealed one", async () => {
  const file = await makeSealedPackage({ slots: SLOTS });
  file[0] = 0;
  const { checks } = await verifyPackage(new BytesSource(file));
  assertEquals(
    checks.find(({ status }) => status === "fail")?.code,
    "verify/launcher-digest",
  );
});

Deno.test("verifyPackage() refuses reserved bytes in the seal", async () => {
  const editBlock = (block: Uint8Array): void => {
    block[864 + 200] = 1;
  };
  assertEquals(await codeOf({ editBlock }), "format/bad-seal");
});

Deno.test("openPackage() takes foreign bytes in the place of the seal for none", async () => {
  const editBlock = (block: Uint8Array): void => {
    block.set(new TextEncoder().encode("SOMEONE"), 864);
  };
  const file = await makeSealedPackage({
    slots: SLOTS,
    isSealed: false,
    editBlock,
  });
  const { checks } = await openPackage(new BytesSource(file));
  assertEquals(checks.find(({ id }) => id === "seal")?.status, "warn");
});

Deno.test("streamSlot() refuses more than the declared size", async () => {
  const stored = new Uint8Array(gzipSync(new Uint8Array(10_000_000)));
  const slot = {
    id: "bomb",
    stored,
    operations: "gzip",
    packed: 0x10n,
    originalSize: 1000,
  };
  await using reader = await PSPFReader.open(
    await makeSealedPackage({ slots: [slot] }),
  );
  await rejectsCode(
    "compress/too-large",
    () => new Response(reader.streamSlot(0)).bytes(),
  );
});

Deno.test("streamSlot() refuses a bomb without a declared size", async () => {
  const stored = new Uint8Array(gzipSync(new Uint8Array(80 * 2 ** 20)));
  const slot = { id: "bomb", stored, operations: "gzip", packed: 0x10n };
  const file = await makeSealedPackage({ slots: [slot], isSealed: false });
  await using reader = await PSPFReader.open(file);
  await rejectsCode(
    "compress/too-large",
    () => new Response(reader.streamSlot("bomb")).bytes(),
  );
});

Deno.test("streamSlot() refuses a chain in which tar is not the first", async () => {
  const slot = {
    ...SLOTS[0],
    id: "x",
    stored: new Uint8Array(9),
    operations: "gzip|tar",
  };
  const file = await makeSealedPackage({
    slots: [{ ...slot, packed: 0x0110n }],
  });
  await using reader = await PSPFReader.open(file);
  await rejectsCode(
    "format/bad-operations",
    () => reader.extractAll(new MemoryTarget()),
  );
});

Deno.test("streamSlot() says that xz is not supported", async () => {
  const slot = {
    id: "x",
    stored: new Uint8Array(9),
    operations: "xz",
    packed: 0x16n,
  };
  await using reader = await PSPFReader.open(
    await makeSealedPackage({ slots: [slot] }),
  );
  await rejectsCode(
    "compress/unsupported",
    () => reader.extractAll(new MemoryTarget()),
  );
});

for (
  const target of [
    "../x",
    "/etc/x",
    "{workenv}/../x",
    "a/../../x",
    "C:\\x",
  ]
) {
  Deno.test(`extractAll() refuses the target ${JSON.stringify(target)}`, async () => {
    const file = await makeSealedPackage({
      slots: [{ id: "a", stored: new Uint8Array(9), target }],
    });
    await using reader = await PSPFReader.open(file);
    const directory = new MemoryTarget();
    await rejectsCode(
      "archive/unsafe-path",
      () => reader.extractAll(directory),
    );
    assertEquals(directory.entries.size, 0);
  });
}

Deno.test("extractAll() refuses a target with a NUL", async () => {
  const slots = [{ id: "a", stored: new Uint8Array(9), target: "a\0b" }];
  await using reader = await PSPFReader.open(
    await makeSealedPackage({ slots }),
  );
  await rejectsCode(
    "format/bad-metadata",
    () => reader.extractAll(new MemoryTarget()),
  );
});

Deno.test("extractAll() refuses a single file that would replace the workenv", async () => {
  const slots = [{ id: "a", stored: new Uint8Array(9), target: "{workenv}" }];
  await using reader = await PSPFReader.open(
    await makeSealedPackage({ slots }),
  );
  await rejectsCode(
    "archive/unsafe-path",
    () => reader.extractAll(new MemoryTarget()),
  );
});

Deno.test("extractAll() writes nothing through a link of another slot", async () => {
  const archive = makeTar([{ name: "out", type: "2", link: "/tmp" }]);
  const slots = [
    {
      id: "links",
      stored: archive,
      target: "{workenv}",
      operations: "tar",
      packed: 0x01n,
    },
    { id: "file", stored: new Uint8Array(9), target: "out/evil" },
  ];
  await using reader = await PSPFReader.open(
    await makeSealedPackage({ slots }),
  );
  await rejectsCode(
    "archive/unsafe-path",
    () => reader.extractAll(new MemoryTarget()),
  );
});

Deno.test("checks of trusted keys fail at every level", async () => {
  const source = new BytesSource(await makeSealedPackage({ slots: SLOTS }));
  const other = await sha256(new Uint8Array());
  for (
    const level of ["strict", "standard", "relaxed", "minimal", "none"] as const
  ) {
    await rejectsCode(
      "verify/untrusted-key",
      () =>
        openPackage(source, { level, trustedKeys: [other, "ab".repeat(32)] }),
    );
  }
});

Deno.test("openPackage() accepts a trusted key by fingerprint or by itself", async () => {
  const source = new BytesSource(await makeSealedPackage({ slots: SLOTS }));
  const { index } = await openPackage(source);
  const fingerprint = await keyFingerprint(index.fields.publicKey);
  for (
    const key of [fingerprint, `sha256:${fingerprint}`, index.fields.publicKey]
  ) {
    await openPackage(source, { trustedKeys: [key] });
  }
  await rejectsCode(
    "verify/untrusted-key",
    () => openPackage(source, { trustedKeys: [] }),
  );
});
