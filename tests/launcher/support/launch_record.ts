import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const DIGEST_SIZE = 32;
const IDENTITY_SIZE = 64;
const MAX_IDENTITIES = 8;

/** A completion record, as `rules/record.rs` writes it. */
export interface StoredRecord {
  /** The start of the machine that it counts in, and the file it was written to; nothing where it counts for ever. */
  readonly bound: Buffer;
  /** Device, inode, size, mtime and ctime of files that are this package, byte for byte. */
  readonly identities: readonly string[];
  /** Everything that depends on nothing but the package. */
  readonly plan: Buffer;
}

/** Reads a record, or what a test has made of one: that is all plan. */
export function parseRecord(bytes: Uint8Array): StoredRecord {
  const all = Buffer.from(bytes);
  const body = all.subarray(0, -DIGEST_SIZE);
  const digest = createHash("sha256").update(body).digest();
  if (!digest.equals(all.subarray(-DIGEST_SIZE))) {
    return { bound: Buffer.alloc(0), identities: [], plan: all };
  }
  // Magic, digest of the index block, level.
  const head = 8 + 32 + 4;
  const flag = body.readUInt32LE(head);
  assert(flag <= 1, `durability ${flag}`);
  const list = head + 4 + flag * 32;
  const count = body.readUInt32LE(list);
  const behind = list + 4 + count * IDENTITY_SIZE;
  const identities = Array.from({ length: count }, (_, at) => {
    const from = list + 4 + at * IDENTITY_SIZE;
    return body.toString("hex", from, from + IDENTITY_SIZE);
  });
  assert(count <= MAX_IDENTITIES, `${count} identities`);
  assertEquals(new Set(identities).size, count, "an identity is there twice");
  return {
    bound: body.subarray(head + 4, list),
    identities,
    plan: Buffer.concat([body.subarray(0, head), body.subarray(behind)]),
  };
}

/** The identity of a file, as a record holds it. */
export function identityOf(path: string): string {
  // Deno rounds nanoseconds.
  const format = "%d %i %s %.9Y %.9Z";
  const { stdout } = spawnSync("stat", ["-L", "-c", format, path]);
  const [device = 0n, inode = 0n, size = 0n, modified = 0n, changed = 0n] =
    stdout.toString().replaceAll(".", "").split(" ").map(BigInt);
  const bytes = Buffer.alloc(IDENTITY_SIZE);
  bytes.writeBigUInt64LE(device, 0);
  bytes.writeBigUInt64LE(inode, 8);
  bytes.writeBigUInt64LE(size, 24);
  bytes.writeBigInt64LE(modified, 32);
  bytes.writeBigInt64LE(changed, 48);
  return bytes.toString("hex");
}

/** The identities in the record of a workenv. */
export function knownIdentities(cache: string, id: string): readonly string[] {
  const path = `${cache}/workenv/.${id}.pspf/launch`;
  return parseRecord(readFileSync(path)).identities;
}
