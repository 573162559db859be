import { equals } from "@std/bytes/equals";
import { PspfError } from "../errors.ts";
import type { CheckLog } from "./check_log.ts";
import { digestError } from "./check_trust.ts";
import { DigestCheck } from "./digest_check.ts";
import type { OpenedPackage } from "./open_package.ts";
import { sectionsOf } from "./resolve_slots.ts";
import { isSelfReference, parseChecksum } from "./slot_digest.ts";
import { streamSlot, type StreamSlotOptions } from "./stream_slot.ts";

/** Options of {@linkcode checkContent}. */
export type ContentOptions = Omit<StreamSlotOptions, "raw">;

/**
 * Checks the bytes that opening a package leaves alone: the slots, the
 * launcher, and that nothing hides between them.
 *
 * @param opened The package.
 * @param log Where the verdicts go.
 * @param options Abort signal and progress.
 */
export async function checkContent(
  opened: OpenedPackage,
  log: CheckLog,
  options: ContentOptions,
): Promise<void> {
  for (const slot of opened.slots) {
    const id = `slot-digest/${slot.index}`;
    const name = `Slot ${slot.index} ("${slot.id}")`;
    if (isSelfReference(slot)) {
      log.skip(id, `${name} stands for the package itself`);
      continue;
    }
    await log.proof(
      id,
      `${name} has the signed SHA-256`,
      () => drain(streamSlot(opened, slot, { ...options, raw: true })),
      log.level !== "none",
    );
  }
  await checkLauncher(opened, log, options);
  await checkPadding(opened, log, options);
}

async function checkLauncher(
  opened: OpenedPackage,
  log: CheckLog,
  options: ContentOptions,
): Promise<void> {
  const { source, index: { launcher }, seal, metadata } = opened;
  const named = parseChecksum(metadata.launcher?.checksum ?? "");
  const expected = [seal?.launcherDigest, named].filter((digest) =>
    digest !== undefined
  );
  if (expected.length === 0) {
    log.skip(
      "launcher-digest",
      "The package does not name the digest of its launcher",
    );
    return;
  }
  await log.proof(
    "launcher-digest",
    "The launcher has the recorded SHA-256",
    async () => {
      const stored = source.stream(
        launcher.offset,
        launcher.size,
        readOptions(options),
      );
      const judge = (digest: Uint8Array): void => {
        const other = expected.find((one) => !equals(digest, one));
        if (other !== undefined) {
          throw digestError(
            "verify/launcher-digest",
            "launcher",
            digest,
            other,
          );
        }
      };
      await drain(
        stored.pipeThrough(new DigestCheck(judge, options.onProgress)),
      );
    },
  );
}

async function checkPadding(
  opened: OpenedPackage,
  log: CheckLog,
  options: ContentOptions,
): Promise<void> {
  if (opened.seal === undefined) {
    log.skip(
      "padding",
      "Only a sealed package promises zeros between its sections",
    );
    return;
  }
  await log.proof(
    "padding",
    "Only zeros stand between the sections",
    async () => {
      let end = 0;
      const { index, slots, source } = opened;
      for (
        const { offset, size } of [
          ...sectionsOf(index, slots),
          trailerOf(opened),
        ]
      ) {
        if (offset > end) {
          const gap = source.stream(end, offset - end, readOptions(options));
          await checkZeros(gap, end);
        }
        end = offset + size;
      }
    },
  );
}

function trailerOf(
  { index, source }: OpenedPackage,
): { offset: number; size: number } {
  return {
    offset: index.trailerOffset,
    size: source.size - index.trailerOffset,
  };
}

async function checkZeros(
  gap: ReadableStream<Uint8Array>,
  start: number,
): Promise<void> {
  let offset = start;
  for await (const chunk of gap) {
    const at = chunk.findIndex((byte) => byte !== 0);
    if (at >= 0) {
      throw new PspfError(
        "format/bad-padding",
        `Cannot trust the package: byte ${
          offset + at
        } between two sections is not zero`,
        {
          context: { offset: offset + at, expected: 0, actual: chunk[at] ?? 0 },
          hint: "The package was changed after it was built; do not run it",
        },
      );
    }
    offset += chunk.length;
  }
}

function readOptions({ signal }: ContentOptions): { signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}

async function drain(stream: ReadableStream<Uint8Array>): Promise<void> {
  await stream.pipeTo(new WritableStream());
}
