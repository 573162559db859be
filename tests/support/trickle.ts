/** Streams bytes in chunks of 1 to `most` bytes, the same in every run. */
export function trickle(
  bytes: Uint8Array,
  most = 7,
): ReadableStream<Uint8Array> {
  let at = 0;
  let state = 1;
  return new ReadableStream({
    pull(controller): void {
      if (at >= bytes.length) return controller.close();
      state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647;
      const end = at + 1 + state % most;
      controller.enqueue(bytes.slice(at, end));
      at = end;
    },
  });
}

/** Reads a stream to its end. */
export async function readAll(
  stream: ReadableStream<Uint8Array>,
): Promise<Uint8Array> {
  return new Uint8Array(await new Response(stream as BodyInit).arrayBuffer());
}
