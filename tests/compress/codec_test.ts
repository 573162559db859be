import { assert } from "@std/assert";
import { getCodec } from "../../lib/compress/codec.ts";
import { Operation } from "@flavor/pspf/format";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { throwsCode } from "../support/throws_code.ts";
import { readAll } from "../support/trickle.ts";

for (const name of ["BZIP2", "XZ"] as const) {
  Deno.test(`getCodec() refuses to use ${name} and says what to use`, () => {
    const codec = getCodec(Operation[name]);
    for (const call of [() => codec.encode(), () => codec.decode()]) {
      const error = throwsCode("compress/unsupported", call);
      assert(error.message.includes(name.toLowerCase()));
      assert(error.hint?.includes("zstd"));
    }
  });
}

for (const code of [Operation.GZIP, Operation.ZSTD] as const) {
  const codec = getCodec(code);
  Deno.test(`${codec.name} closes its input when its reader has enough`, async () => {
    const stored = await readAll(
      new Blob([pseudoRandomBytes(6_000_000)]).stream()
        .pipeThrough(codec.encode()),
    );
    for (
      const [transform, bytes] of [
        [codec.encode(), pseudoRandomBytes(6_000_000)],
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
