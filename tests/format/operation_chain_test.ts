import {
  Operation,
  OperationChain,
  type OperationCode,
} from "@flavor/pspf/format";
import { assert, assertEquals } from "@std/assert";
import { throwsCode } from "../support/throws_code.ts";

const SPELLINGS: Record<string, bigint> = {
  "": 0n,
  "raw": 0n,
  "RAW": 0n,
  "none": 0n,
  "tar": 0x01n,
  "gzip": 0x10n,
  "bzip2": 0x13n,
  "xz": 0x16n,
  "zstd": 0x1bn,
  "tgz": 0x1001n,
  "tar.gz": 0x1001n,
  "TAR.GZ": 0x1001n,
  "tar|gzip": 0x1001n,
  "TAR|GZIP": 0x1001n,
  " tar | gzip ": 0x1001n,
  "tar||gzip": 0x1001n,
  "tar,gzip": 0x1001n,
  "gzip,tar": 0x0110n,
  "tar.bz2": 0x1301n,
  "tbz2": 0x1301n,
  "tar.xz": 0x1601n,
  "txz": 0x1601n,
  "tar.zst": 0x1b01n,
  "gzip|zstd": 0x1b10n,
};

Deno.test("OperationChain.parse() reads every spelling", {
  permissions: "none",
}, () => {
  for (const [text, packed] of Object.entries(SPELLINGS)) {
    assertEquals(OperationChain.parse(text).encode(), packed, text);
  }
});

Deno.test("OperationChain.parse() refuses unknown spellings", {
  permissions: "none",
}, () => {
  for (
    const text of [
      "gz",
      "frob",
      "tar.zstd",
      "tar|raw",
      "none|gzip",
      "tar;gzip",
      "tar gzip",
    ]
  ) {
    const error = throwsCode(
      "format/bad-operations",
      () => OperationChain.parse(text),
    );
    assert(error.hint?.includes("tar.zst"));
  }
});

Deno.test("OperationChain.toString() gives what parse() reads", {
  permissions: "none",
}, () => {
  for (const packed of new Set(Object.values(SPELLINGS))) {
    const chain = OperationChain.decode(packed);
    assertEquals(OperationChain.parse(chain.toString()).encode(), packed);
  }
  assertEquals(`${OperationChain.decode(0x1b10n)}`, "gzip|zstd");
});

Deno.test("OperationChain.decode() refuses holes and unknown codes", {
  permissions: "none",
}, () => {
  for (const packed of [0x100001n, 0x1000n, 0x02n, 0x311001n, 0xffn << 56n]) {
    throwsCode("format/bad-operations", () => OperationChain.decode(packed));
  }
  const messageOf = (packed: bigint): string =>
    throwsCode("format/bad-operations", () => OperationChain.decode(packed))
      .message;
  assertEquals(
    messageOf(0x1b0001n),
    "Cannot read operation chain 0x1b0001: it has a hole",
  );
  assertEquals(
    messageOf(0x07n),
    "Cannot use operation 0x07: it is not known",
  );
  assertEquals(
    messageOf(0x1fn),
    "Cannot use operation 0x1f: it is not known",
  );
});

Deno.test("OperationChain.add() refuses a ninth operation and NONE", {
  permissions: "none",
}, () => {
  const chain = new OperationChain(
    Array<OperationCode>(8).fill(Operation.GZIP),
  );
  assertEquals(chain.encode(), 0x1010_1010_1010_1010n);
  throwsCode("format/bad-operations", () => chain.add(Operation.GZIP));
  assertEquals(chain.length, 8);
  throwsCode(
    "format/bad-operations",
    () => new OperationChain([Operation.NONE]),
  );
});

Deno.test("OperationChain.isArchive tells trees from files", {
  permissions: "none",
}, () => {
  assert(OperationChain.parse("tgz").isArchive);
  assert(!OperationChain.parse("gzip").isArchive);
});
