import {
  encodeSlotDescriptor,
  slotDescriptorId,
} from "../../lib/format/slot_descriptor.ts";
import {
  formatPermissions,
  KNOWN_LIFECYCLES,
  KNOWN_PURPOSES,
  lifecycleByte,
  normalizeLifecycle,
  parsePermissions,
  purposeByte,
} from "../../lib/format/slot_words.ts";
import { parseSlotDescriptor, SlotPurpose } from "@flavor/pspf/format";
import { assert, assertEquals } from "@std/assert";
import { parseStoredPermissions } from "../../lib/format/slot_words.ts";
import { throwsCode } from "../support/throws_code.ts";

Deno.test(
  "purposeByte() knows every documented word",
  { permissions: "none" },
  () => {
    const bytes = {
      data: 0,
      code: 1,
      config: 2,
      media: 3,
      payload: 0,
      runtime: 1,
      tool: 2,
    };
    for (const [word, byte] of Object.entries(bytes)) {
      assertEquals(purposeByte(word), byte, word);
      assert(KNOWN_PURPOSES.includes(word));
    }
    for (const word of ["asset", "library", "binary", "installer"]) {
      assertEquals(purposeByte(word), 0);
      assert(KNOWN_PURPOSES.includes(word));
    }
    assert(!KNOWN_PURPOSES.includes("executable"));
  },
);

Deno.test("SlotPurpose maps the builder's names onto the format's purposes", {
  permissions: "none",
}, () => {
  const { PYTHON_ENVIRONMENT, APPLICATION_CODE, STATIC_RESOURCES } =
    SlotPurpose;
  assertEquals(
    [PYTHON_ENVIRONMENT, APPLICATION_CODE, STATIC_RESOURCES],
    ["code", "code", "media"],
  );
});

Deno.test("lifecycleByte() knows every documented word", {
  permissions: "none",
}, () => {
  const words =
    "init startup runtime shutdown cache temp lazy eager dev config platform"
      .split(" ");
  assertEquals(words.map(lifecycleByte), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assertEquals(lifecycleByte("temporary"), 5);
  assertEquals(lifecycleByte("cached"), 4);
  assertEquals(lifecycleByte("development"), 8);
  assertEquals(["", "volatile", "forever"].map(lifecycleByte), [2, 2, 2]);
  assertEquals(normalizeLifecycle("temporary"), "temp");
  assert(!KNOWN_LIFECYCLES.includes("volatile"));
});

Deno.test("parsePermissions() takes 3 or 4 octal digits only", {
  permissions: "none",
}, () => {
  const good = {
    "644": 0o644,
    "0644": 0o644,
    "0o755": 0o755,
    "0o0755": 0o755,
    "777": 0o777,
  };
  for (const [text, bits] of Object.entries(good)) {
    assertEquals(parsePermissions(text), bits, text);
  }
  for (
    const text of [
      "",
      "0",
      "0000",
      "4755",
      "888",
      "rwx",
      " 644",
      "64",
      "07777",
      "-644",
    ]
  ) {
    throwsCode("manifest/invalid", () => parsePermissions(text));
  }
});

Deno.test("parseStoredPermissions() is as lenient as the launchers", {
  permissions: "none",
}, () => {
  assertEquals(parseStoredPermissions(undefined), 0o600);
  assertEquals(parseStoredPermissions(""), 0o600);
  assertEquals(parseStoredPermissions("07777"), 0o7777);
  assertEquals(parseStoredPermissions("200000"), undefined);
  assertEquals(parseStoredPermissions("abc"), undefined);
  assertEquals(formatPermissions(0o7), "0007");
});

Deno.test("slotDescriptorId() never begins like JSON or gzip", {
  permissions: "none",
}, () => {
  const template = parseSlotDescriptor(new Uint8Array(64));
  const seen = new Set<bigint>();
  for (let index = 0; index < 65_535; index++) {
    const id = slotDescriptorId(index);
    const bytes = encodeSlotDescriptor({ ...template, id });
    assert(bytes[0] !== 0x7b, `${index}`);
    assert(!(bytes[0] === 0x1f && bytes[1] === 0x8b), `${index}`);
    seen.add(id);
  }
  assertEquals(seen.size, 65_535);
});
