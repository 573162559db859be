import { encodeHex } from "@std/encoding/hex";

import { createSha256 } from "../crypto/sha256.ts";
import { keyFingerprint } from "../crypto/mod.ts";
import type { JsonValue } from "../errors.ts";
import { formatPermissions } from "../format/slot_words.ts";
import { extractSlot, streamSlot } from "../read/slot_content.ts";
import type { OpenedPackage, PackageSlot } from "../read/mod.ts";
import { type ListedFile, ListingTarget } from "./listed_files.ts";

/** One value that is not the same; `undefined` where there is none. */
export interface Change {
  /** What it is: a key path. */
  readonly key: string;
  /** In the first package. */
  readonly before: JsonValue | undefined;
  /** In the second package. */
  readonly after: JsonValue | undefined;
}

/** One slot or file that is not the same. */
export interface ChangedPart {
  /** Id of the slot, or path of the file. */
  readonly name: string;
  /** Whether only one of the packages has it. */
  readonly status: "added" | "removed" | "changed";
  /** What differs, when both have it. */
  readonly changes: readonly Change[];
}

/** A slot that is not the same. */
export interface ChangedSlot extends ChangedPart {
  /** Its files that are not the same. */
  readonly files: readonly ChangedPart[];
}

/** What differs between two packages. */
export interface PackageChanges {
  /** Sizes, key, launcher and metadata without the slots. */
  readonly facts: readonly Change[];
  /** Slots, by id. */
  readonly slots: readonly ChangedSlot[];
}

/**
 * Compares two packages. The stored bytes of every slot are held to their
 * signed digest; they are decoded only where something differs. `onProgress`
 * gets the number of stored bytes read since the last call.
 */
export async function comparePackages(
  before: OpenedPackage,
  after: OpenedPackage,
  onProgress: (bytes: number) => void = () => {},
): Promise<PackageChanges> {
  const slots: ChangedSlot[] = [];
  for (const id of namesOf(before.slots, after.slots, ({ id }) => id)) {
    const changed = await compareSlot(
      id,
      [before, before.slots.find((slot) => slot.id === id)],
      [after, after.slots.find((slot) => slot.id === id)],
      onProgress,
    );
    if (changed !== undefined) slots.push(changed);
  }
  return {
    facts: compareValues(await factsOf(before), await factsOf(after)),
    slots,
  };
}

type Place = readonly [OpenedPackage, PackageSlot | undefined];

async function compareSlot(
  id: string,
  [before, first]: Place,
  [after, second]: Place,
  onProgress: (bytes: number) => void,
): Promise<ChangedSlot | undefined> {
  const list = async (
    opened: OpenedPackage,
    slot: PackageSlot | undefined,
  ): Promise<readonly ListedFile[]> => {
    const target = new ListingTarget(true);
    if (slot !== undefined) {
      await extractSlot(opened, slot, target, { onProgress });
    }
    return target.files;
  };
  const changes = first === undefined || second === undefined
    ? []
    : compareValues(slotFacts(first), slotFacts(second));
  const sameContent = first !== undefined && second !== undefined &&
    first.metadata.checksum === second.metadata.checksum &&
    first.operations.encode() === second.operations.encode() &&
    first.metadata.target === second.metadata.target;
  if (sameContent) {
    await checkStored(before, first, onProgress);
    await checkStored(after, second, onProgress);
    if (changes.length === 0) return undefined;
  }
  return {
    name: id,
    status: statusOf(first, second),
    changes,
    files: sameContent
      ? []
      : compareFiles(await list(before, first), await list(after, second)),
  };
}

/** Reads a slot whole, for its digest alone. */
async function checkStored(
  opened: OpenedPackage,
  slot: PackageSlot,
  onProgress: (bytes: number) => void,
): Promise<void> {
  const stored = streamSlot(opened, slot, { raw: true, onProgress });
  await stored.pipeTo(new WritableStream());
}

function statusOf(before: unknown, after: unknown): ChangedPart["status"] {
  if (before === undefined) return "added";
  return after === undefined ? "removed" : "changed";
}

function compareFiles(
  before: readonly ListedFile[],
  after: readonly ListedFile[],
): readonly ChangedPart[] {
  const first = new Map(before.map((file) => [file.path, file]));
  const second = new Map(after.map((file) => [file.path, file]));
  return namesOf(before, after, ({ path }) => path).flatMap((name) => {
    const [one, other] = [first.get(name), second.get(name)];
    const changes = one === undefined || other === undefined
      ? []
      : compareValues(fileFacts(one), fileFacts(other));
    const status = statusOf(one, other);
    return status === "changed" && changes.length === 0
      ? []
      : [{ name, status, changes }];
  });
}

/** The names of both lists, in the order of the first, then of the second. */
function namesOf<T>(
  before: readonly T[],
  after: readonly T[],
  nameOf: (item: T) => string,
): readonly string[] {
  return [...new Set([...before, ...after].map(nameOf))];
}

type Facts = Readonly<Record<string, JsonValue>>;

function compareValues(before: Facts, after: Facts): readonly Change[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => {
    const change = { key, before: before[key], after: after[key] };
    return change.before === change.after ? [] : [change];
  });
}

function fileFacts(file: ListedFile): Facts {
  const { path: _, mode, ...facts } = { mode: undefined, ...file };
  return mode === undefined
    ? facts
    : { ...facts, mode: formatPermissions(mode) };
}

function slotFacts(slot: PackageSlot): Facts {
  const { metadata } = slot;
  return {
    slot: slot.index,
    operations: slot.operations.toString(),
    size: slot.size,
    sha256: metadata.checksum,
    target: metadata.target,
    source: metadata.source,
    purpose: metadata.purpose,
    lifecycle: metadata.lifecycle,
    permissions: formatPermissions(slot.permissions),
  };
}

async function factsOf(opened: OpenedPackage): Promise<Facts> {
  const { source, index, seal, metadataJson } = opened;
  const document: JsonValue = JSON.parse(
    new TextDecoder().decode(metadataJson),
  );
  const facts: Record<string, JsonValue> = {
    "file size": source.size,
    "signed by": await keyFingerprint(index.fields.publicKey),
    "sealed": seal !== undefined,
    "launcher size": index.launcher.size,
    "launcher SHA-256": await launcherDigest(opened),
  };
  flatten(document, "", facts);
  return facts;
}

async function launcherDigest(
  { source, index }: OpenedPackage,
): Promise<string> {
  const hash = createSha256();
  for await (const chunk of source.stream(0, index.launcher.size)) {
    await hash.update(chunk);
  }
  return encodeHex(await hash.digest());
}

/** Slots are compared by their ids, not by their places. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "slots",
  "launcher.size",
  "launcher.checksum",
]);

function flatten(
  value: JsonValue,
  key: string,
  into: Record<string, JsonValue>,
): void {
  if (LEFT_OUT.has(key)) return;
  if (typeof value !== "object" || value === null) {
    into[key] = value;
    return;
  }
  const entries = Array.isArray(value)
    ? value.map((item, index) => [`${key}[${index}]`, item] as const)
    : Object.entries(value).map(([name, item]) =>
      [key === "" ? name : `${key}.${name}`, item] as const
    );
  for (const [path, item] of entries) flatten(item, path, into);
}
