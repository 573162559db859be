/** A web server on this machine that counts what it sends, and misbehaves when told to. */

/** One request, and what was sent for it. */
export interface Served {
  readonly path: string;
  readonly range: string | null;
  readonly headers: Headers;
  /** Bytes of the body that were handed to the connection. */
  sent: number;
}

/** Answers a request in place of the server, or leaves it to it. */
export type Fault = (
  request: Request,
  /** How many requests came before. */
  number: number,
  /** What an honest server says. */
  honest: (bytes?: Uint8Array<ArrayBuffer>) => Response,
) => Response | undefined | Promise<Response | undefined>;

/** A running server. */
export interface HttpServer extends AsyncDisposable {
  readonly url: string;
  readonly served: readonly Served[];
  /** Bytes of all bodies. */
  readonly sent: number;
  fault: Fault;
}

/** Options of {@linkcode serveBytes}. */
export interface ServeOptions {
  readonly etag?: string | null;
  readonly fault?: Fault;
}

/** Serves bytes under every path. */
export function serveBytes(
  bytes: Uint8Array<ArrayBuffer>,
  { etag = '"v1"', fault = () => undefined }: ServeOptions = {},
): HttpServer {
  const served: Served[] = [];
  const state = { fault };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const record: Served = {
        path: pathname,
        range: request.headers.get("range"),
        headers: request.headers,
        sent: 0,
      };
      served.push(record);
      const honest = (content = bytes): Response =>
        answer(request, content, etag);
      const response = await state.fault(request, served.length - 1, honest) ??
        honest();
      return counted(response, (length) => record.sent += length);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/app.psp`,
    served,
    get sent(): number {
      return served.reduce((sum, { sent }) => sum + sent, 0);
    },
    get fault(): Fault {
      return state.fault;
    },
    set fault(next: Fault) {
      state.fault = next;
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** What a server that knows ranges says. */
function answer(
  request: Request,
  bytes: Uint8Array<ArrayBuffer>,
  etag: string | null,
): Response {
  const headers = new Headers({ "accept-ranges": "bytes" });
  if (etag !== null) headers.set("etag", etag);
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("range") ?? "");
  const condition = request.headers.get("if-range");
  if (match === null || (condition !== null && condition !== etag)) {
    headers.set("content-length", String(bytes.length));
    return new Response(pieces(bytes), { headers });
  }
  const [, first = "", last = ""] = match;
  const start = first === ""
    ? Math.max(0, bytes.length - Number(last))
    : Number(first);
  const end = first === "" || last === ""
    ? bytes.length
    : Math.min(bytes.length, Number(last) + 1);
  if (start >= end) {
    headers.set("content-range", `bytes */${bytes.length}`);
    return new Response(null, { status: 416, headers });
  }
  headers.set("content-range", `bytes ${start}-${end - 1}/${bytes.length}`);
  headers.set("content-length", String(end - start));
  return new Response(pieces(bytes.subarray(start, end)), {
    status: 206,
    headers,
  });
}

const PIECE_SIZE = 64 * 1024;

/** Sends bytes piece by piece, so that a cut connection leaves some of them. */
export function pieces(
  bytes: Uint8Array<ArrayBuffer>,
  cutAt: number = Infinity,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    async pull(controller): Promise<void> {
      if (at >= cutAt) {
        // What was sent has to arrive before the connection ends.
        await new Promise((resolve) => setTimeout(resolve, 20));
        controller.error(new Error("cut"));
        return;
      }
      const end = Math.min(at + PIECE_SIZE, cutAt);
      const piece = bytes.subarray(at, end);
      at = Math.min(end, bytes.length);
      if (piece.length > 0) controller.enqueue(piece);
      if (at === bytes.length && cutAt === Infinity) controller.close();
    },
  }, { highWaterMark: 0 });
}

/** The same answer, cut after so many bytes. */
export async function cut(
  response: Response,
  cutAt: number,
): Promise<Response> {
  const bytes = new Uint8Array(await response.arrayBuffer());
  return new Response(pieces(bytes, cutAt), response);
}

function counted(
  response: Response,
  count: (length: number) => void,
): Response {
  if (response.body === null) return response;
  const body = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller): void {
        count(chunk.length);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(body, response);
}
