import { assert, assertEquals } from "@std/assert";
import { BlockCompressor } from "../../lib/compress/block_compressor.ts";
import { type Codec, getCodec } from "../../lib/compress/codec.ts";
import { Operation } from "@flavor/pspf/format";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { readAll, trickle } from "../support/trickle.ts";

/** The programs that everybody else uses. */
const TOOLS = { xz: "xz", bzip2: "bzip2" } as const;

async function runTool(
  tool: string,
  args: readonly string[],
  input: Uint8Array,
): Promise<Uint8Array> {
  const child = new Deno.Command(tool, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const [output] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Blob([input.slice()]).stream().pipeTo(child.stdin),
  ]);
  assert((await child.status).success);
  return output;
}

/** Lines that repeat themselves, and some that do not. */
function text(length: number): Uint8Array<ArrayBuffer> {
  const bytes = pseudoRandomBytes(length, 7);
  for (let at = 0; at < length; at++) {
    const byte = bytes[at] ?? 0;
    bytes[at] = at % 50_000 < 40_000 ? 97 + (at * 7 >> 4) % 26 : byte & 0x7f;
  }
  return bytes;
}

async function encode(
  codec: Codec,
  bytes: Uint8Array,
  options: Parameters<Codec["encode"]>[0] = {},
): Promise<Uint8Array> {
  return await readAll(
    trickle(bytes, 1_000_000).pipeThrough(codec.encode(options)),
  );
}

for (const name of ["BZIP2", "XZ"] as const) {
  const codec = getCodec(Operation[name]);
  const tool = TOOLS[codec.name as keyof typeof TOOLS];

  Deno.test(`${codec.name} and the program of that name read each other`, async (t) => {
    for (const length of [0, 1, 100_000, 9_000_000]) {
      await t.step(`${length} bytes`, async () => {
        const bytes = text(length);
        const stored = await encode(codec, bytes, { level: 2 });
        assertEquals(await runTool(tool, ["-dc"], stored), bytes);
        const theirs = await runTool(tool, ["-c"], bytes);
        for (const one of [stored, theirs]) {
          const plain = await readAll(
            trickle(one, 70_000).pipeThrough(codec.decode({ maxSize: length })),
          );
          assertEquals(plain, bytes);
        }
      });
    }
  });

  Deno.test(`${codec.name} gives the same bytes whoever encodes, and all levels`, async () => {
    const bytes = text(9_000_000);
    const alone = await encode(codec, bytes, { level: 1 });
    for (const jobs of [1, 2, 3]) {
      using compressor = new BlockCompressor({ jobs });
      assertEquals(await encode(codec, bytes, { level: 1, compressor }), alone);
    }
    const small = bytes.subarray(0, 300_000);
    for (let level = 1; level <= codec.maxLevel; level++) {
      const stored = await encode(codec, small, { level });
      assertEquals(
        await readAll(trickle(stored, 9000).pipeThrough(codec.decode())),
        small,
      );
    }
  });

  Deno.test(`${codec.name} refuses what is cut off, damaged or too large`, async (t) => {
    const bytes = text(2_000_000);
    const stored = await encode(codec, bytes);
    const decode = (
      data: Uint8Array,
      maxSize?: number,
    ): Promise<Uint8Array> =>
      readAll(trickle(data, 50_000).pipeThrough(codec.decode({ maxSize })));
    await t.step("cut off", async () => {
      for (const length of [0, 5, 1000, stored.length - 1]) {
        await rejectsCode(
          "compress/corrupt",
          () => decode(stored.subarray(0, length)),
        );
      }
    });
    await t.step("damaged", async () => {
      const damaged = stored.slice();
      const middle = stored.length >> 1;
      damaged[middle] = (damaged[middle] ?? 0) ^ 16;
      await rejectsCode("compress/corrupt", () => decode(damaged));
    });
    await t.step("too large", async () => {
      await rejectsCode("compress/too-large", () => decode(stored, 1_999_999));
    });
    await t.step("something behind it", async () => {
      await rejectsCode(
        "compress/corrupt",
        () => decode(Uint8Array.from([...stored, 65, 66, 67, 68])),
      );
    });
  });
}

Deno.test("xz refuses a dictionary of more than 64 MiB", async () => {
  const stored = await runTool("xz", ["-c", "--lzma2=dict=192MiB"], text(1000));
  await rejectsCode(
    "compress/too-large",
    () =>
      readAll(
        trickle(stored, 100).pipeThrough(getCodec(Operation.XZ).decode()),
      ),
  );
});

for (
  const code of [
    Operation.GZIP,
    Operation.ZSTD,
    Operation.XZ,
    Operation.BZIP2,
  ] as const
) {
  const codec = getCodec(code);
  Deno.test(`${codec.name} closes its input when its reader has enough`, async () => {
    // Six blocks, so that some are at work when the reader leaves.
    const content = pseudoRandomBytes(
      codec.name === "gzip" || codec.name === "zstd" ? 6_000_000 : 21_000_000,
    );
    const options = { level: 1 };
    const stored = await readAll(
      new Blob([content.subarray(0, 6_000_000)]).stream()
        .pipeThrough(codec.encode(options)),
    );
    for (
      const [transform, bytes] of [
        [codec.encode(options), content],
        [codec.decode(), stored],
      ] as const
    ) {
      let isCancelled = false;
      let at = 0;
      const input = new ReadableStream<Uint8Array>({
        pull(controller): Promise<void> | void {
          // A source that never ends: it just has nothing more to say.
          if (at >= bytes.length) return new Promise(() => {});
          controller.enqueue(bytes.slice(at, at += 10_000));
        },
        cancel(): void {
          isCancelled = true;
        },
      });
      const reader = input.pipeThrough(transform).getReader();
      await reader.read();
      await reader.cancel("enough");
      // Closing travels up the pipe in its own time.
      for (let turn = 0; !isCancelled && turn < 100; turn++) {
        await new Promise((done) => setTimeout(done));
      }
      assert(isCancelled);
    }
  });
}
