/** What a package says it is made of. */

import { PSPFReader } from "@flavor/pspf/read";
import { assertEquals } from "@std/assert";
import { gzipSync } from "node:zlib";
import {
  componentsOf,
  findSbom,
  findSbomSlot,
  licencesOf,
} from "../../lib/read/find_sbom.ts";
import { openPackage } from "../../lib/read/open_package.ts";
import { BytesSource } from "@flavor/pspf/io";
import {
  makeSealedPackage,
  type SealedOptions,
  type SealedSlot,
} from "../support/sealed_package.ts";
import { rejectsCode } from "../support/throws_code.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const BOM = '{"bomFormat":"CycloneDX","components":[]}';

function slotOf(id: string, text = BOM): SealedSlot {
  return { id, stored: encode(text) };
}

/** The slot of a package that is taken for the list. */
async function foundIn(options: SealedOptions): Promise<string | undefined> {
  await using reader = await PSPFReader.open(await makeSealedPackage(options));
  return findSbomSlot(reader)?.id;
}

Deno.test("the list is the slot with that purpose, else one that is called so", async () => {
  const slots = [slotOf("app"), slotOf("sbom"), slotOf("other")];
  assertEquals(await foundIn({ slots: slots.slice(0, 1) }), undefined);
  assertEquals(await foundIn({ slots }), "sbom");
  const named = { ...slotOf("app"), target: "share/app.cdx.json" };
  assertEquals(await foundIn({ slots: [slotOf("a"), named] }), "app");
  const editJson = (json: string): string => {
    const document = JSON.parse(json);
    document.slots[2].purpose = "sbom";
    return JSON.stringify(document);
  };
  assertEquals(await foundIn({ slots, editJson }), "other");
});

Deno.test("an archive is no list, whatever it is called", async () => {
  const archive = { ...slotOf("sbom"), operations: "tar", packed: 1n };
  assertEquals(await foundIn({ slots: [archive] }), undefined);
});

async function read(slot: SealedSlot): ReturnType<typeof findSbom> {
  const bytes = await makeSealedPackage({ slots: [slot] });
  return await findSbom(await openPackage(new BytesSource(bytes)));
}

Deno.test("findSbom() gives a CycloneDX document and nothing else", async () => {
  assertEquals(await read(slotOf("sbom")), {
    json: BOM,
    document: JSON.parse(BOM),
  });
  for (const text of ["", "null", "{}", '{"bomFormat":"SPDX"}', BOM.slice(1)]) {
    assertEquals(await read(slotOf("sbom", text)), undefined, text);
  }
  assertEquals(await read(slotOf("app")), undefined);
});

Deno.test("findSbom() reads 32 MiB and no more", async () => {
  const size = 32 * 2 ** 20;
  const list = (blanks: number): SealedSlot => ({
    id: "sbom",
    stored: gzipSync(BOM + " ".repeat(blanks - BOM.length)),
    operations: "gzip",
    packed: 0x10n,
    originalSize: blanks,
  });
  assertEquals((await read(list(size)))?.json.length, size);
  await rejectsCode("compress/too-large", () => read(list(size + 1)));
});

Deno.test("componentsOf() and licencesOf() take what documents really hold", () => {
  assertEquals(componentsOf({}), []);
  assertEquals(componentsOf({ components: { name: "a" } }), []);
  const component = { name: "a" };
  assertEquals(componentsOf({ components: [1, null, component, "b"] }), [
    component,
  ]);
  assertEquals(licencesOf({}), "");
  assertEquals(licencesOf({ licenses: "MIT" }), "");
  const licenses = [
    { expression: "MIT OR Apache-2.0" },
    { license: { id: "ISC", name: "not this" } },
    { license: { name: "Own" } },
    { license: { name: "" } },
    { license: { id: 7 } },
    null,
    {},
  ];
  assertEquals(licencesOf({ licenses }), "MIT OR Apache-2.0, ISC, Own");
});
