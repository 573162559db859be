const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const MAX_BLOCK_SIZE = 128 * 1024;
const DICTIONARY_ID_SIZES = [0, 1, 2, 4] as const;

/** What is known of a frame before it is decoded. */
export interface ZstdFrame {
  /** Compressed length in bytes, header to checksum. */
  readonly length: number;
  /** Plain length in bytes, where the header tells it. */
  readonly contentSize: number | undefined;
  /** Whether the frame holds no data and is to be passed over. */
  readonly skippable: boolean;
}

/** Why a scan stopped before the end of the frame. */
export type ZstdScanResult =
  | { readonly kind: "frame"; readonly frame: ZstdFrame }
  | { readonly kind: "more"; readonly needed: number }
  | {
    readonly kind: "corrupt";
    readonly offset: number;
    readonly what: string;
  };

/**
 * Finds the end of one frame by its block headers, without decoding. The
 * decoder of `node:zlib` accepts input that ends in the middle of a frame, so
 * somebody has to know where frames end.
 *
 * A scanner is made for one frame and asked again when more bytes are there;
 * it goes on where it stopped.
 */
export class ZstdFrameScanner {
  #at = 0;
  #contentSize: number | undefined;
  #hasChecksum = false;

  /** Looks for the end of the frame. */
  scan(bytes: Uint8Array): ZstdScanResult {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (this.#at === 0) {
      const result = this.#scanHeader(view);
      if (result !== undefined) return result;
    }
    while (true) {
      const end = this.#at + 3;
      if (view.byteLength < end) return more(end);
      const header = view.getUint16(this.#at, true) |
        (view.getUint8(this.#at + 2) << 16);
      const type = (header >> 1) & 3;
      const size = header >> 3;
      if (type === 3) return corrupt(this.#at, "a block has a reserved type");
      if (size > MAX_BLOCK_SIZE) {
        return corrupt(this.#at, `a block claims ${size} bytes`);
      }
      const last = (header & 1) === 1;
      const next = end + (type === 1 ? 1 : size) +
        (last && this.#hasChecksum ? 4 : 0);
      if (view.byteLength < next) return more(next);
      this.#at = next;
      if (last) return frame(next, this.#contentSize, false);
    }
  }

  #scanHeader(view: DataView): ZstdScanResult | undefined {
    if (view.byteLength < 6) return more(6);
    const magic = view.getUint32(0, true);
    if ((magic & 0xfffffff0) === SKIPPABLE_MAGIC) {
      if (view.byteLength < 8) return more(8);
      const length = 8 + view.getUint32(4, true);
      return view.byteLength < length ? more(length) : frame(length, 0, true);
    }
    if (magic !== FRAME_MAGIC) return corrupt(0, "it is not a zstd frame");
    const descriptor = view.getUint8(4);
    const singleSegment = (descriptor & 0x20) !== 0;
    const sizeFlag = descriptor >> 6;
    const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 2 ** sizeFlag;
    const sizeAt = 5 + (singleSegment ? 0 : 1) +
      (DICTIONARY_ID_SIZES[descriptor & 3] ?? 0);
    if (view.byteLength < sizeAt + sizeBytes) return more(sizeAt + sizeBytes);
    if ((descriptor & 8) !== 0) return corrupt(4, "a reserved bit is set");
    if (sizeBytes > 0) this.#contentSize = readSize(view, sizeAt, sizeBytes);
    this.#hasChecksum = (descriptor & 4) !== 0;
    this.#at = sizeAt + sizeBytes;
    return undefined;
  }
}

function readSize(
  view: DataView,
  at: number,
  bytes: number,
): number | undefined {
  if (bytes === 1) return view.getUint8(at);
  // Two bytes count from 256, because smaller sizes need only one.
  if (bytes === 2) return view.getUint16(at, true) + 256;
  if (bytes === 4) return view.getUint32(at, true);
  const size = view.getBigUint64(at, true);
  // The reference decoder takes all ones for "not known".
  return size === 2n ** 64n - 1n ? undefined : Number(size);
}

function more(needed: number): ZstdScanResult {
  return { kind: "more", needed };
}

function corrupt(offset: number, what: string): ZstdScanResult {
  return { kind: "corrupt", offset, what };
}

function frame(
  length: number,
  contentSize: number | undefined,
  skippable: boolean,
): ZstdScanResult {
  return { kind: "frame", frame: { length, contentSize, skippable } };
}
