/**
 * A static file server in a process of its own, to measure another one by: it
 * opens the file, goes to the start of the range and hands over what follows.
 *
 *     static_server.ts DIRECTORY
 */

const [directory = "."] = Deno.args;

/** The first bytes of a stream. */
function cut(length: number): TransformStream<Uint8Array, Uint8Array> {
  let left = length;
  return new TransformStream({
    transform(chunk, controller): void {
      const part = chunk.subarray(0, left);
      left -= part.length;
      if (part.length > 0) controller.enqueue(part);
      if (left === 0) controller.terminate();
    },
  });
}

async function answer(request: Request): Promise<Response> {
  const name = request.url.split("/").at(-1);
  const path = `${directory}/${name}`;
  const file = await Deno.open(path);
  const { size } = await file.stat();
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  if (range === null) {
    return new Response(file.readable, {
      headers: { "content-length": `${size}` },
    });
  }
  const [first, last] = [Number(range[1]), Number(range[2])];
  await file.seek(first, Deno.SeekMode.Start);
  const length = last - first + 1;
  return new Response(file.readable.pipeThrough(cut(length)), {
    status: 206,
    headers: {
      "content-length": `${length}`,
      "content-range": `bytes ${first}-${last}/${size}`,
    },
  });
}

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`http://127.0.0.1:${port}/`),
}, answer);
