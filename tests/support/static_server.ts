/**
 * A web server with ranges in a process of its own, for measuring:
 *
 *     deno run -A tests/support/static_server.ts FILE [quiet]
 *
 * It prints its port, then, unless it shall be quiet, a line for each request:
 * how much was asked for.
 */

const CHUNK_SIZE = 512 * 1024;

const [path = "", quiet] = Deno.args;
const { size } = await Deno.stat(path);

function rangeOf(text: string): readonly [start: number, end: number] {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(text) ?? [];
  if (first === "" && last === "") return [0, size];
  if (first === "") return [Math.max(0, size - Number(last)), size];
  return [Number(first), last === "" ? size : Number(last) + 1];
}

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(port),
}, async (request) => {
  const range = request.headers.get("range");
  const [start, end] = rangeOf(range ?? "");
  if (quiet === undefined) console.log(end - start);
  const file = await Deno.open(path);
  await file.seek(start, Deno.SeekMode.Start);
  let left = end - start;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller): Promise<void> {
      const memory = new Uint8Array(Math.min(left, CHUNK_SIZE));
      const count = await file.read(memory) ?? 0;
      left -= count;
      controller.enqueue(memory.subarray(0, count));
      if (left > 0) return;
      file.close();
      controller.close();
    },
    cancel: () => file.close(),
  }, { highWaterMark: 0 });
  return new Response(body, {
    status: range === null ? 200 : 206,
    headers: {
      "content-length": String(end - start),
      "content-range": `bytes ${start}-${end - 1}/${size}`,
      etag: '"1"',
    },
  });
});
