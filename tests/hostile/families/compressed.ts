/** Compressed slots that are cut off, damaged, followed by garbage, or endless. @module */

import { Buffer } from "node:buffer";
import { crc32, gzipSync } from "node:zlib";
import { ACCEPT, AGREE, refuseAtExtract } from "../hostile_case.ts";
import type { Expectation, HostileCase } from "../hostile_case.ts";
import { writePackage } from "../package_draft.ts";
import { rawBlock, zeroBlock, zeroFrame, zstdFrame } from "../zstd_bytes.ts";

const CONTENT = Buffer.from("hello world\n");
const CORRUPT = refuseAtExtract("compress/corrupt");
const TOO_LARGE = refuseAtExtract("compress/too-large");
const MEBIBYTE = 1024 * 1024;

interface Codec {
  readonly chain: bigint;
  /** `hello world\n`, compressed. */
  readonly hello: Buffer;
  /** A stream that stands for very many zeros. */
  readonly bomb: () => Buffer;
}

/** Streams that Node cannot make were made once, with bzip2 1.0.8 and xz 5.4. */
const CODECS: Readonly<Record<string, Codec>> = {
  gzip: {
    chain: 0x10n,
    hello: gzipSync(CONTENT),
    bomb: () => repeat(gzipSync(Buffer.alloc(16 * MEBIBYTE), { level: 9 }), 64),
  },
  zstd: {
    chain: 0x1bn,
    hello: zstdFrame({ blocks: [rawBlock(CONTENT, true)] }),
    bomb: () => zeroFrame(2048 * MEBIBYTE),
  },
  bzip2: {
    chain: 0x13n,
    hello: base64(
      "QlpoOTFBWSZTWU7s6DYAAAJRgAAQQAAGRJCAIAAxBkxBAaeppYC7lDH4u5IpwoSCd2dBsA==",
    ),
    // 4,500,000 zeros in 47 bytes, three hundred times.
    bomb: () =>
      repeat(
        base64(
          "QlpoOTFBWSZTWdoskSoAInfAAMAIAAggACClNBmNVKiGwFUQ8XckU4UJDaLJEqA=",
        ),
        300,
      ),
  },
  xz: {
    chain: 0x16n,
    hello: base64(
      "/Td6WFoAAAFpIt42AgAhARYAAAB0L+WjAQALaGVsbG8gd29ybGQKAC07CK8AASAMot20vJBCmQ0BAAAAAAFZWg==",
    ),
    // One mebibyte of zeros in 280 bytes, a thousand times.
    bomb: () => repeat(base64(XZ_ZEROS), 1000),
  },
};

const XZ_ZEROS =
  "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj7///ANldAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopN" +
  "L6MN2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP" +
  "0E6vJiiUcR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6x" +
  "JxhcWYbpZlJYvul2rFnk5VsFCPnH2q38+1Iq9+SVJQAAAAAAHOo4pwAB8QGAgEAAb9Xu3D4wDYsCAAAAAAFZWg==";

/** Cases about the four compressions. */
export function compressedCases(): HostileCase[] {
  return [
    ...Object.entries(CODECS).flatMap(([name, codec]) =>
      codecCases(name, codec)
    ),
    ...zstdCases(),
    ...xzCases(),
  ];
}

interface Stream {
  readonly operations: string;
  readonly stored: () => Buffer;
  readonly originalSize?: bigint;
  readonly sealed?: boolean;
}

function streamCase(
  name: string,
  expect: Expectation,
  stream: Stream,
): HostileCase {
  const { operations, originalSize = BigInt(CONTENT.length), sealed = true } =
    stream;
  const chain = CODECS[operations]?.chain ?? 0n;
  return {
    family: "compressed",
    name: `${operations}: ${name}`,
    expect,
    build: ({ launcher }) =>
      writePackage(launcher, {
        sealed,
        slots: [{
          stored: stream.stored(),
          target: "out",
          operations,
          chain,
          originalSize,
        }],
      }),
  };
}

function codecCases(operations: string, codec: Codec): HostileCase[] {
  const { hello } = codec;
  const make = (
    name: string,
    expect: Expectation,
    stored: () => Buffer,
  ): HostileCase => streamCase(name, expect, { operations, stored });
  const heavy = (name: string, extra: Partial<Stream>): HostileCase => ({
    ...streamCase(name, TOO_LARGE, {
      operations,
      stored: codec.bomb,
      ...extra,
    }),
    heavy: true,
  });
  const cases = [
    make("right", ACCEPT, () => hello),
    make("empty", AGREE, () => Buffer.alloc(0)),
    make(
      "letters after the stream",
      CORRUPT,
      () => Buffer.concat([hello, Buffer.from("garbage")]),
    ),
    make(
      "zeros after the stream",
      AGREE,
      () => Buffer.concat([hello, Buffer.alloc(8)]),
    ),
    make("first byte wrong", CORRUPT, () => flip(hello, 0)),
    make("two streams, declared size of two", AGREE, () => repeat(hello, 2)),
    make(
      "second stream cut off",
      refuseAtExtract("compress/corrupt", "compress/too-large"),
      () => Buffer.concat([hello, hello.subarray(0, -1)]),
    ),
    heavy("bomb that declares 12 bytes", {}),
    heavy("bomb in an unsealed package", { sealed: false }),
  ];
  for (let length = 1; length < hello.length; length++) {
    cases.push(
      make(
        `cut off after ${length} bytes`,
        CORRUPT,
        () => hello.subarray(0, length),
      ),
    );
  }
  for (let at = 0; at < hello.length; at++) {
    cases.push(make(`byte ${at} flipped`, AGREE, () => flip(hello, at)));
  }
  return cases;
}

/** Headers that promise more than a reader can keep. */
function zstdCases(): HostileCase[] {
  const make = (
    name: string,
    expect: Expectation,
    stored: Buffer,
    originalSize?: bigint,
  ): HostileCase =>
    streamCase(name, expect, {
      operations: "zstd",
      stored: () => stored,
      ...originalSize !== undefined && { originalSize },
    });
  const block = rawBlock(CONTENT, true);
  const size = (value: bigint): Buffer => {
    const field = Buffer.alloc(8);
    field.writeBigUInt64LE(value);
    return field;
  };
  const refused = refuseAtExtract(
    "compress/corrupt",
    "compress/too-large",
    "compress/unsupported",
  );
  const windows = [27, 31, 41].map((log) =>
    make(
      `window of 2^${log}`,
      log > 27 ? refused : AGREE,
      zstdFrame({
        window: (log - 10) << 3,
        blocks: [block],
      }),
    )
  );
  const sizes = [0n, 11n, 13n, 2n ** 32n, 2n ** 63n].map((
    value,
  ) =>
    make(
      `frame declares ${value} bytes`,
      refused,
      zstdFrame({
        descriptor: 0xc0,
        fields: size(value),
        blocks: [block],
      }),
    )
  );
  return [
    ...windows,
    ...sizes,
    make(
      "frame declares 12 bytes",
      ACCEPT,
      zstdFrame({ descriptor: 0xc0, fields: size(12n), blocks: [block] }),
    ),
    make(
      "frame declares no size by all ones",
      AGREE,
      zstdFrame({
        descriptor: 0xc0,
        fields: size(2n ** 64n - 1n),
        blocks: [block],
      }),
    ),
    make(
      "needs a dictionary",
      refused,
      zstdFrame({ descriptor: 1, fields: Buffer.from([7]), blocks: [block] }),
    ),
    make(
      "reserved descriptor bit",
      refused,
      zstdFrame({ descriptor: 8, blocks: [block] }),
    ),
    make(
      "reserved block type",
      refused,
      zstdFrame({ blocks: [Buffer.from([0x07, 0, 0])] }),
    ),
    make(
      "checksum is wrong",
      refused,
      zstdFrame({ descriptor: 4, blocks: [block, Buffer.alloc(4)] }),
    ),
    make(
      "checksum is missing",
      refused,
      zstdFrame({ descriptor: 4, blocks: [block] }),
    ),
    make(
      "block larger than 128 KiB",
      refused,
      zstdFrame({ blocks: [zeroBlock(256 * 1024, true)] }),
      262_144n,
    ),
    make(
      "last block is missing",
      refused,
      zstdFrame({ blocks: [rawBlock(CONTENT, false)] }),
    ),
    make(
      "skippable frame first",
      AGREE,
      Buffer.concat([
        Buffer.from("502a4d1804000000deadbeef", "hex"),
        zstdFrame({ blocks: [block] }),
      ]),
    ),
    make(
      "skippable frame that never ends",
      refused,
      Buffer.concat([
        zstdFrame({ blocks: [block] }),
        Buffer.from("502a4d18ffffffff", "hex"),
      ]),
    ),
    make(
      "20,000 empty frames",
      AGREE,
      repeat(zstdFrame({ blocks: [rawBlock(Buffer.alloc(0), true)] }), 20_000),
      0n,
    ),
  ];
}

/** A dictionary size of 4 GiB in the block header, with its CRC made right again. */
function xzCases(): HostileCase[] {
  const stored = Buffer.from(CODECS["xz"]?.hello ?? []);
  stored[16] = 40;
  stored.writeUInt32LE(crc32(stored.subarray(12, 20)), 20);
  return [
    {
      ...streamCase("dictionary of 4 GiB", AGREE, {
        operations: "xz",
        stored: () => stored,
      }),
      heavy: true,
    },
  ];
}

function repeat(bytes: Buffer, times: number): Buffer {
  return Buffer.concat(Array<Buffer>(times).fill(bytes));
}

function flip(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function base64(text: string): Buffer {
  return Buffer.from(text, "base64");
}
