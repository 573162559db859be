import { toBoundedNumber } from "../bytes/u64.ts";
import { PspfError } from "../errors.ts";
import {
  FORMAT_VERSION,
  MAX_METADATA_SIZE,
  MAX_SLOT_COUNT,
  SLOT_DESCRIPTOR_SIZE,
  TRAILER_SIZE,
} from "../format/constants.ts";
import {
  goIndexChecksum,
  type IndexBlock,
  indexChecksum,
  parseIndexBlock,
} from "../format/index_block.ts";
import { findAppendedBytes, parseTrailer } from "../format/trailer.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "../io/random_access_source.ts";
import type { CheckLog } from "./check_log.ts";

/** How far back a trailer is looked for to explain why it is not at the end. */
const SEARCH_SIZE = 64 * 1024;

/** From this size on the Go builder's checksum differs from the documented. */
const GO_CHECKSUM_SIZE = 2 ** 32;

/** A piece of the file. */
export interface Section {
  /** First byte. */
  readonly offset: number;
  /** Length in bytes. */
  readonly size: number;
}

/** The index block and the places it names, all inside the file. */
export interface PackageIndex {
  /** The index block as stored, 8192 bytes. */
  readonly block: Uint8Array;
  /** Its fields. */
  readonly fields: IndexBlock;
  /** The launcher, from byte 0. */
  readonly launcher: Section;
  /** The compressed metadata. */
  readonly metadata: Section;
  /** The slot table; empty without slots. */
  readonly slotTable: Section;
  /** Number of slots. */
  readonly slotCount: number;
  /** Where the trailer starts and everything else has ended. */
  readonly trailerOffset: number;
}

/**
 * Reads the end of a file and checks everything that the index block says
 * about the file, before any of it is used.
 */
export async function readIndex(
  source: RandomAccessSource,
  log: CheckLog,
  options: ReadOptions,
): Promise<PackageIndex> {
  const block = await log.structure(
    "trailer",
    "The file ends with a PSPF/2025 trailer",
    () => readTrailer(source, options),
  );
  const fields = parseIndexBlock(block);
  const isGoVariant = await log.structure(
    "index-checksum",
    "The index block matches its Adler-32",
    () => checkChecksum(block, fields, source.size),
  );
  if (isGoVariant) {
    log.warn(
      "index-checksum",
      "The Adler-32 is the one that the Go builder writes above 4 GiB",
    );
  }
  await log.structure(
    "format-version",
    "The format version is 0x20250001",
    () => checkVersion(fields),
  );
  await log.structure(
    "package-size",
    "The file is as long as recorded",
    () => checkSize(fields, source.size),
  );
  const sections = await log.structure(
    "ranges",
    "Launcher, metadata and slot table lie inside of the file",
    () => resolveSections(fields, source.size - TRAILER_SIZE),
  );
  return { block, fields, ...sections };
}

async function readTrailer(
  source: RandomAccessSource,
  options: ReadOptions,
): Promise<Uint8Array> {
  if (source.size < TRAILER_SIZE) {
    throw new PspfError(
      "format/not-a-package",
      `Cannot open "${source.name}" as a package: it has ${source.size} bytes, at least ${TRAILER_SIZE} are needed`,
      {
        context: {
          path: source.name,
          actual: source.size,
          expected: TRAILER_SIZE,
        },
        hint: "Check that the file is complete and is a package",
      },
    );
  }
  const offset = source.size - TRAILER_SIZE;
  const trailer = await source.read(offset, TRAILER_SIZE, options);
  try {
    return parseTrailer(trailer);
  } catch (error) {
    const size = Math.min(source.size, SEARCH_SIZE + TRAILER_SIZE);
    const tail = await source.read(source.size - size, size, options);
    const appended = findAppendedBytes(tail);
    throw new PspfError(
      "format/not-a-package",
      `Cannot open "${source.name}" as a package: ${(error as Error).message}`,
      {
        context: {
          path: source.name,
          offset,
          ...(appended === undefined ? {} : { appended }),
        },
        hint: appended === undefined
          ? "Check that the file is complete and is a package"
          : appended === 1
          ? "1 byte was appended to the package; cut it off"
          : `${appended} bytes were appended to the package; cut them off`,
        cause: error,
      },
    );
  }
}

/** Returns whether it is the Go builder's variant that matches. */
function checkChecksum(
  block: Uint8Array,
  fields: IndexBlock,
  fileSize: number,
): boolean {
  const expected = indexChecksum(block);
  if (fields.checksum === expected) return false;
  if (
    fileSize >= GO_CHECKSUM_SIZE && fields.checksum === goIndexChecksum(block)
  ) return true;
  throw new PspfError(
    "format/bad-checksum",
    `Cannot trust the index block: its Adler-32 is ${
      hex(expected)
    }, recorded is ${hex(fields.checksum)}`,
    {
      context: {
        offset: fileSize - TRAILER_SIZE + 4,
        expected,
        actual: fields.checksum,
      },
      hint: "The file is damaged; get a fresh copy",
    },
  );
}

function checkVersion({ formatVersion }: IndexBlock): void {
  if (formatVersion === FORMAT_VERSION) return;
  throw new PspfError(
    "format/bad-version",
    `Cannot read format version ${hex(formatVersion)}: only ${
      hex(FORMAT_VERSION)
    } is known`,
    {
      context: { expected: FORMAT_VERSION, actual: formatVersion },
      hint: "A newer flavor may be able to read this package",
    },
  );
}

function checkSize({ packageSize }: IndexBlock, fileSize: number): void {
  if (packageSize === BigInt(fileSize)) return;
  throw new PspfError(
    "format/bad-size",
    `Cannot trust the file length: it is ${fileSize}, recorded is ${packageSize}`,
    {
      context: { expected: packageSize.toString(), actual: fileSize },
      hint: "The file was cut short or joined with another; get a fresh copy",
    },
  );
}

function resolveSections(
  fields: IndexBlock,
  end: number,
): Omit<PackageIndex, "block" | "fields"> {
  const { slotCount } = fields;
  const launcherSize = toBoundedNumber(fields.launcherSize, {
    max: end,
    what: "launcher size",
  });
  const metadata = section(
    fields.metadataOffset,
    fields.metadataSize,
    end,
    "metadata",
  );
  if (metadata.size > MAX_METADATA_SIZE) {
    throw tooLarge("metadata size", metadata.size, MAX_METADATA_SIZE);
  }
  if (slotCount > MAX_SLOT_COUNT) {
    throw tooLarge("slot count", slotCount, MAX_SLOT_COUNT);
  }
  const tableSize = slotCount * SLOT_DESCRIPTOR_SIZE;
  if (fields.slotTableSize !== BigInt(tableSize)) {
    throw new PspfError(
      "format/bad-range",
      `Cannot use the slot table: its size is ${fields.slotTableSize}, expected ${tableSize} for ${slotCount} slots`,
      {
        context: {
          expected: tableSize,
          actual: fields.slotTableSize.toString(),
        },
      },
    );
  }
  return {
    launcher: { offset: 0, size: launcherSize },
    metadata,
    // Builders disagree about the offset of a table that is empty.
    slotTable: slotCount === 0 ? { offset: 0, size: 0 } : section(
      fields.slotTableOffset,
      fields.slotTableSize,
      end,
      "slot table",
    ),
    slotCount,
    trailerOffset: end,
  };
}

/** Bounds a piece of the file. */
export function section(
  offset: bigint,
  size: bigint,
  end: number,
  what: string,
): Section {
  const start = toBoundedNumber(offset, { max: end, what: `${what} offset` });
  return {
    offset: start,
    size: toBoundedNumber(size, { max: end - start, what: `${what} size` }),
  };
}

function tooLarge(what: string, actual: number, limit: number): PspfError {
  return new PspfError(
    "format/too-large",
    `Cannot use ${what} ${actual}: the limit is ${limit}`,
    {
      context: { what, actual, expected: limit },
    },
  );
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
