/** The mutations of `vectors.json`, with the verdict of each check. */

import { sha256 } from "@flavor/pspf/crypto";
import { writeIndexChecksum } from "../../lib/format/index_block.ts";
import { BytesSource } from "@flavor/pspf/io";
import { openPackage } from "../../lib/read/open_package.ts";
import { verifyPackage } from "@flavor/pspf/read";
import type { PspfErrorCode } from "../../lib/errors.ts";
import { assert, assertEquals } from "@std/assert";
import vectors from "../vectors/vectors.json" with { type: "json" };
import { makeSealedPackage } from "../support/sealed_package.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { readVector } from "../support/vectors.ts";

const INDEX = 9450 - 8196;
const FIRST_DESCRIPTOR = 848;

interface Mutation {
  /** Changes the golden package. */
  readonly change: (file: Uint8Array) => Uint8Array | Promise<Uint8Array>;
  /** The first failure, or nothing when the package is good. */
  readonly code?: PspfErrorCode;
}

/** Changes some bytes of the index and makes the checksum right again. */
function inIndex(change: (block: Uint8Array) => void): Mutation["change"] {
  return (file) => {
    const block = file.subarray(INDEX, INDEX + 8192);
    change(block);
    writeIndexChecksum(block);
    return file;
  };
}

function flip(bytes: Uint8Array, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 0xff;
}

const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(65);

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  signature_wrong: {
    change: inIndex((block) => flip(block, 130)),
    code: "verify/signature",
  },
  signature_zero: {
    change: inIndex((block) => block.fill(0, 128, 192)),
    code: "verify/signature",
  },
  public_key_zero: {
    change: inIndex((block) => block.fill(0, 64, 96)),
    code: "verify/signature",
  },
  metadata_checksum_wrong: {
    change: inIndex((block) => flip(block, 100)),
    code: "verify/metadata-digest",
  },
  metadata_checksum_zero: {
    change: inIndex((block) => block.fill(0, 96, 128)),
    code: "verify/metadata-digest",
  },
  index_checksum_wrong: {
    change: (file) => {
      flip(file, INDEX + 4);
      return file;
    },
    code: "format/bad-checksum",
  },
  package_size_wrong: {
    change: inIndex((block) => flip(block, 8)),
    code: "format/bad-size",
  },
  format_version_wrong: {
    change: inIndex((block) => flip(block, 0)),
    code: "format/bad-version",
  },
  descriptor_checksum_wrong: {
    change: (file) => {
      flip(file, FIRST_DESCRIPTOR + 48);
      return file;
    },
    code: "verify/slot-digest",
  },
  json_slot_checksum_wrong: {
    change: () =>
      makeSealedPackage({
        slots: [{ id: "a", stored: bytes(20) }],
        editJson: (json) => json.replace(/sha256:[0-9a-f]{4}/, "sha256:0000"),
      }),
    code: "verify/slot-digest",
  },
  trailing_byte: {
    change: (file) => {
      const longer = new Uint8Array(file.length + 1);
      longer.set(file);
      return longer;
    },
    code: "format/not-a-package",
  },
  metadata_not_gzip: {
    change: async (file) => {
      const stored = file.fill(0x7b, 24, 24 + 817).subarray(24, 24 + 817);
      const digest = await sha256(stored);
      return await inIndex((block) => block.set(digest, 96))(file);
    },
    code: "format/bad-metadata",
  },
  json_over_1MiB: {
    change: () =>
      makeSealedPackage({
        metadata: { custom: { text: "x".repeat(2 ** 20) } },
      }),
  },
  stored_slot_15_bytes: {
    change: () =>
      makeSealedPackage({ slots: [{ id: "a", stored: bytes(15) }] }),
  },
  slots_124: {
    change: () =>
      makeSealedPackage({
        slots: Array.from(
          { length: 124 },
          (_, index) => ({ id: `s${index}`, stored: bytes(16) }),
        ),
      }),
  },
  tail_marker: { change: () => readVector("golden-marker.psp") },
};

Deno.test("every mutation of the vectors has a verdict here", {
  permissions: "none",
}, () => {
  const { columns: _, ...named } = vectors.mutations_of_golden_expected;
  assertEquals(Object.keys(MUTATIONS), Object.keys(named));
});

for (const [name, mutation] of Object.entries(MUTATIONS)) {
  const verdict = mutation.code ?? "no failure";
  Deno.test(`verifyPackage() finds ${verdict} for ${name}`, async () => {
    const changed = await mutation.change(await readVector("golden.psp"));
    const { valid, checks } = await verifyPackage(new BytesSource(changed));
    assertEquals(
      checks.find(({ status }) => status === "fail")?.code,
      mutation.code,
    );
    assertEquals(valid, mutation.code === undefined);
  });
}

Deno.test("openPackage() throws the code of the first failed check", async () => {
  const change = inIndex((block) => flip(block, 130));
  const changed = await change(await readVector("golden.psp"));
  await rejectsCode(
    "verify/signature",
    () => openPackage(new BytesSource(changed)),
  );
});

Deno.test("openPackage() warns at relaxed, is silent at minimal, looks away at none", async () => {
  const change = inIndex((block) => flip(block, 130));
  const changed = new BytesSource(await change(await readVector("golden.psp")));
  const statusAt = async (
    level: "relaxed" | "minimal" | "none",
  ): Promise<string | undefined> =>
    (await openPackage(changed, { level })).checks.find(({ id }) =>
      id === "signature"
    )?.status;
  assertEquals(await statusAt("relaxed"), "warn");
  assertEquals(await statusAt("minimal"), "skip");
  assertEquals(await statusAt("none"), "skip");
});

Deno.test("verifyPackage() refuses changed slot bytes at every level but none", async () => {
  const file = await readVector("sealed.psp");
  flip(file, 1045);
  for (const level of ["strict", "standard", "relaxed", "minimal"] as const) {
    assert(
      !(await verifyPackage(new BytesSource(file), { level })).valid,
      level,
    );
  }
  assert((await verifyPackage(new BytesSource(file), { level: "none" })).valid);
});
