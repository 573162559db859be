import { HttpSource } from "@flavor/pspf/io";
import { inspectPackage, verifyPackage } from "@flavor/pspf";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { downloadHttp } from "../../lib/io/http_source.ts";
import { collectBytes } from "../../lib/io/collect_bytes.ts";
import { fromFileUrl } from "@std/path";
import { PspfError } from "../../lib/errors.ts";
import { cut, type Fault, pieces, serveBytes } from "../support/http_server.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";

const TAIL = 64 * 1024;
const BYTES = pseudoRandomBytes(1_000_000);
const QUICK = { retryDelayMs: 1 };

async function streamed(
  source: HttpSource,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  return await collectBytes(source.stream(offset, length), {
    maxSize: length,
    what: "part",
    code: "io/failed",
  });
}

/** Opens a source over bytes, with a fault that begins after opening. */
async function opened(
  fault: Fault,
  body: (source: HttpSource, requests: () => number) => Promise<void>,
  bytes: Uint8Array<ArrayBuffer> = BYTES,
): Promise<void> {
  await using server = serveBytes(bytes);
  await using source = await HttpSource.open(server.url, {
    ...QUICK,
    stallMs: 200,
  });
  const before = server.served.length;
  server.fault = (request, number, honest) =>
    fault(request, number - before, honest);
  await body(source, () => server.served.length - before);
}

async function refuses(
  work: () => Promise<unknown>,
  code: string,
  says: string | RegExp,
): Promise<PspfError> {
  const error = await assertRejects(work, PspfError);
  assertEquals(error.code, code, error.message);
  assert(
    typeof says === "string"
      ? error.message.includes(says)
      : says.test(error.message),
    error.message,
  );
  return error;
}

Deno.test("one request brings length and end, parts come by range", async () => {
  await using server = serveBytes(BYTES);
  await using source = await HttpSource.open(server.url);
  assertEquals(source.size, BYTES.length);
  assertEquals(
    await source.read(BYTES.length - TAIL, TAIL),
    BYTES.subarray(-TAIL),
  );
  assertEquals(server.served.length, 1);
  assertEquals(server.sent, TAIL);

  assertEquals(await source.read(10, 90), BYTES.subarray(10, 100));
  assertEquals(server.served.at(-1)?.range, "bytes=10-99");
  assertEquals(server.served.at(-1)?.headers.get("if-range"), '"v1"');
  assertEquals(
    server.served.at(-1)?.headers.get("accept-encoding"),
    "identity",
  );
  assertEquals(server.sent, TAIL + 90);

  // Only what is not there yet is asked for.
  const from = BYTES.length - TAIL - 5;
  assertEquals(await streamed(source, from, 25), BYTES.slice(from, from + 25));
  assertEquals(server.sent, TAIL + 90 + 5);
  assertEquals(await streamed(source, 0, BYTES.length), BYTES);
  assertEquals((await source.read(5, 0)).length, 0);
  await refuses(() => source.read(BYTES.length, 1), "io/failed", "it has");
});

Deno.test("a package is inspected in one request", async () => {
  const bytes = await makeSealedPackage({
    slots: [{ id: "data", stored: pseudoRandomBytes(200_000) }],
  });
  await using server = serveBytes(bytes);
  for (const input of [server.url, new URL(server.url)]) {
    const { package: { name }, size } = await inspectPackage(input);
    assertEquals([name, size], ["test", bytes.length]);
  }
  assertEquals(server.served.length, 2);
  assertEquals((await verifyPackage(server.url)).valid, true);
});

Deno.test("files that are shorter than the end are read whole", async (t) => {
  for (const length of [0, 1, TAIL - 1, TAIL, TAIL + 1]) {
    await t.step(`${length} bytes`, async () => {
      const bytes = BYTES.slice(0, length);
      for (const withRanges of [true, false]) {
        await using server = serveBytes(bytes, {
          fault: () =>
            withRanges || length > TAIL ? undefined : new Response(bytes),
        });
        await using source = await HttpSource.open(server.url);
        assertEquals(source.size, length);
        assertEquals(await source.read(0, length), bytes);
        assertEquals(server.served.length, length > TAIL ? 2 : 1);
      }
    });
  }
});

Deno.test("a server that only counts ranges from the start takes one more request", async () => {
  await using server = serveBytes(BYTES, {
    fault: (request, _number, honest) => {
      if (!request.headers.get("range")?.startsWith("bytes=-")) return;
      const plain = honest();
      plain.body?.cancel();
      return new Response(pieces(BYTES), {
        headers: { "content-length": String(BYTES.length) },
      });
    },
  });
  await using source = await HttpSource.open(server.url);
  assertEquals(source.size, BYTES.length);
  assertEquals(await source.read(0, 4), BYTES.subarray(0, 4));
  assertEquals(server.served.slice(0, 2).map(({ range }) => range), [
    `bytes=-${TAIL}`,
    `bytes=${BYTES.length - TAIL}-${BYTES.length - 1}`,
  ]);
});

Deno.test("a server without ranges is named, and its files come whole", async () => {
  await using server = serveBytes(BYTES, {
    fault: () =>
      new Response(pieces(BYTES), {
        headers: { "content-length": String(BYTES.length) },
      }),
  });
  const { hint } = await refuses(
    () => HttpSource.open(server.url),
    "io/failed",
    "only whole",
  );
  assertEquals(hint, "Fetch it whole with --download");
  const { size, content } = await downloadHttp(server.url, QUICK);
  assertEquals(size, BYTES.length);
  const parts = await Array.fromAsync(content);
  assertEquals(
    new Uint8Array(
      await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
    ),
    BYTES,
  );
});

Deno.test("a whole file that is cut short is fetched on, and never endless", async () => {
  await using server = serveBytes(BYTES, {
    fault: async (_request, number, honest) =>
      number < 2 ? await cut(honest(), 100_000 * (number + 1)) : undefined,
  });
  const { content } = await downloadHttp(server.url, QUICK);
  const parts = await Array.fromAsync(content);
  assertEquals(
    new Uint8Array(
      await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer(),
    ),
    BYTES,
  );
  assertEquals(server.served.length, 3);

  server.fault = () => new Response(endless());
  await refuses(
    () => downloadHttp(server.url, QUICK),
    "io/failed",
    "does not say how long",
  );
});

Deno.test("cut connections are resumed where they ended", async () => {
  const ranges: (string | null)[] = [];
  await opened(async (request, number, honest) => {
    ranges.push(request.headers.get("range"));
    return number < 3 ? await cut(honest(), 200_000) : undefined;
  }, async (source) => {
    const end = BYTES.length - TAIL;
    assertEquals(await streamed(source, 0, end), BYTES.slice(0, end));
    const starts = ranges.map((range) => Number(/\d+/.exec(range ?? "")?.[0]));
    assertEquals(starts.length, 4);
    assertEquals(starts[0], 0);
    // What arrived is not asked for again; some of it may be lost in between.
    for (const [i, start] of starts.slice(1).entries()) {
      assert(
        start > (starts[i] ?? 0) && start <= 200_000 * (i + 1),
        `${starts}`,
      );
    }
  });
});

Deno.test("a connection that brings nothing is given up after five tries", async () => {
  await opened(
    (_request, _number, honest) => cut(honest(), 0),
    async (source, requests) => {
      await refuses(
        () => source.read(0, 100_000),
        "io/failed",
        /cut|connection/,
      );
      assertEquals(requests(), 5);
    },
  );
});

Deno.test("a connection that falls silent is cut and resumed", async () => {
  await opened((_request, number, honest) => {
    if (number > 0) return;
    const { headers, status } = honest();
    const silent = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => controller.enqueue(BYTES.slice(0, 1000)),
    });
    return new Response(silent, { headers, status });
  }, async (source, requests) => {
    assertEquals(await source.read(0, 5000), BYTES.subarray(0, 5000));
    assertEquals(requests(), 2);
  });
});

Deno.test("busy servers are asked again, and waited for", async (t) => {
  for (const status of [429, 500, 502, 503, 504]) {
    await t.step(`${status}`, async () => {
      await using server = serveBytes(BYTES, {
        fault: (_request, number) =>
          number < 2
            ? new Response("busy", { status, headers: { "retry-after": "0" } })
            : undefined,
      });
      await using source = await HttpSource.open(server.url, QUICK);
      assertEquals(source.size, BYTES.length);
      assertEquals(server.served.length, 3);
    });
  }
  await t.step("for the time that the server names", async () => {
    await using server = serveBytes(BYTES, {
      fault: (_request, number) =>
        number < 1
          ? new Response(null, { status: 503, headers: { "retry-after": "1" } })
          : undefined,
    });
    const start = performance.now();
    await using _source = await HttpSource.open(server.url, QUICK);
    assert(performance.now() - start >= 990);
  });
  await t.step("by seconds or by a date", async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    await using server = serveBytes(BYTES, {
      fault: () =>
        new Response(null, { status: 503, headers: { "retry-after": date } }),
    });
    await refuses(() => HttpSource.open(server.url, QUICK), "io/failed", "503");
    assertEquals(server.served.length, 1);
  });
  await t.step("but not for an hour, and not for ever", async () => {
    await using server = serveBytes(BYTES, {
      fault: () =>
        new Response(null, { status: 429, headers: { "retry-after": "3600" } }),
    });
    await refuses(() => HttpSource.open(server.url, QUICK), "io/failed", "429");
    assertEquals(server.served.length, 1);
    server.fault = () => new Response(null, { status: 503 });
    await refuses(() => HttpSource.open(server.url, QUICK), "io/failed", "503");
    assertEquals(server.served.length, 1 + 5);
  });
});

Deno.test("a file that changes half-way is an error", async (t) => {
  const other = BYTES.toReversed();
  const changed: Record<string, Fault> = {
    "another ETag, If-Range understood": () => new Response(other),
    "another ETag, If-Range ignored": (_request, _number, honest) => {
      const response = honest();
      response.headers.set("etag", '"v2"');
      return response;
    },
    "another length": (_request, _number, honest) => {
      const response = honest();
      response.headers.set("content-range", `bytes 0-99/${BYTES.length + 1}`);
      return response;
    },
    "no such part any more": () =>
      new Response(null, {
        status: 416,
        headers: { "content-range": "bytes */50" },
      }),
  };
  for (const [name, fault] of Object.entries(changed)) {
    await t.step(name, async () => {
      await opened(fault, async (source, requests) => {
        await refuses(() => source.read(0, 100), "io/failed", "changed");
        assertEquals(requests(), 1);
      });
    });
  }
  await t.step("in the middle of a resumed stream", async () => {
    await opened(async (_request, number, honest) => {
      if (number === 0) return await cut(honest(), 300_000);
      return new Response(other);
    }, async (source) => {
      await refuses(() => streamed(source, 0, 900_000), "io/failed", "changed");
    });
  });
  await t.step("without an ETag, by the time of its last change", async () => {
    let modified = "Mon, 01 Jan 2024 00:00:00 GMT";
    await using server = serveBytes(BYTES, {
      etag: null,
      fault: (_request, _number, honest) => {
        const response = honest();
        response.headers.set("last-modified", modified);
        return response;
      },
    });
    await using source = await HttpSource.open(server.url, QUICK);
    assertEquals(await source.read(0, 9), BYTES.subarray(0, 9));
    modified = "Tue, 02 Jan 2024 00:00:00 GMT";
    await refuses(() => source.read(0, 9), "io/failed", "changed");
  });
});

Deno.test("what a server sends is held to what it was asked for", async (t) => {
  const lies: Record<string, readonly [Fault, RegExp]> = {
    "another part": [(request) => {
      const start = request.headers.get("range")?.startsWith("bytes=-")
        ? BYTES.length - TAIL - 1
        : 1;
      return new Response(BYTES.slice(0, 100), {
        status: 206,
        headers: {
          "content-range": `bytes ${start}-${start + 99}/${BYTES.length}`,
        },
      });
    }, /expected/],
    "no Content-Range": [
      () => new Response(BYTES.slice(0, 100), { status: 206 }),
      /calls it ""/,
    ],
    "a Content-Range beyond the end": [
      () =>
        new Response(BYTES.slice(0, 100), {
          status: 206,
          headers: { "content-range": "bytes 900-999/500" },
        }),
      /calls it/,
    ],
    "a size beyond all bounds": [
      () =>
        new Response(BYTES.slice(0, 100), {
          status: 206,
          headers: { "content-range": "bytes 0-99/9999999999999999" },
        }),
      /calls it/,
    ],
    "an unknown size": [
      () =>
        new Response(BYTES.slice(0, 100), {
          status: 206,
          headers: { "content-range": "bytes 0-99/*" },
        }),
      /calls it/,
    ],
    "an endless body": [(_request, _number, honest) => {
      const { headers, status } = honest();
      headers.delete("content-length");
      return new Response(endless(), { headers, status });
    }, /sends more/],
    "a compressed body": [(_request, _number, honest) => {
      const response = honest();
      response.headers.set("content-encoding", "gzip");
      return response;
    }, /"gzip"/],
    "no success": [() => new Response(null, { status: 204 }), /204/],
  };
  for (const [name, [fault, says]] of Object.entries(lies)) {
    await t.step(`${name}, while opening`, async () => {
      await using server = serveBytes(BYTES, { fault });
      await refuses(
        () => HttpSource.open(server.url, QUICK),
        "io/failed",
        says,
      );
    });
    await t.step(`${name}, afterwards`, async () => {
      await opened(fault, async (source) => {
        const error = await assertRejects(() => source.read(0, 100), PspfError);
        assertEquals(error.code, "io/failed");
      });
    });
  }
  await t.step("an endless body without a length", async () => {
    await using server = serveBytes(BYTES, {
      fault: () => new Response(endless()),
    });
    await refuses(() => HttpSource.open(server.url), "io/failed", "only whole");
    assert(server.sent < 4_000_000);
  });
});

Deno.test("redirects are followed once, and back when they lead nowhere", async () => {
  let isGone = false;
  await using storage = serveBytes(BYTES, {
    fault: () => isGone ? new Response(null, { status: 403 }) : undefined,
  });
  await using server = serveBytes(BYTES, {
    fault: () => redirect(`${storage.url}?signature=s3cret`),
  });
  await using source = await HttpSource.open(
    server.url.replace("//", "//user:pass%20word@"),
    QUICK,
  );
  assertEquals(await source.read(0, 9), BYTES.subarray(0, 9));
  // The first request alone went to the server that redirects.
  assertEquals([server.served.length, storage.served.length], [1, 2]);
  assertEquals(
    server.served[0]?.headers.get("authorization"),
    `Basic ${btoa("user:pass word")}`,
  );
  for (const { headers } of storage.served) {
    assertEquals(headers.get("authorization"), null);
  }
  assertEquals(source.name, server.url);
  isGone = true;
  server.fault = () => undefined;
  assertEquals(await source.read(9, 9), BYTES.subarray(9, 18));
  for (const path of ["loop", "file"]) {
    const location = path === "loop" ? "/loop" : "file:///etc/passwd";
    server.fault = () => redirect(location);
    const url = new URL(`/${path}`, server.url);
    await refuses(() => HttpSource.open(url, QUICK), "io/failed", /redirect/);
  }
});

function redirect(location: string): Response {
  return new Response(null, { status: 302, headers: { location } });
}

Deno.test("failures have the code and the words that fit", async () => {
  const { url } = await (async () => {
    await using server = serveBytes(BYTES);
    for (
      const [status, code] of [
        [404, "io/not-found"],
        [410, "io/not-found"],
        [401, "io/denied"],
        [403, "io/denied"],
        [418, "io/failed"],
      ] as const
    ) {
      server.fault = () => new Response("no", { status });
      await refuses(() => HttpSource.open(server.url), code, String(status));
    }
    return server;
  })();
  const secret = `${url.replace("//", "//me:s3cret@")}?token=s3cret`;
  const error = await refuses(
    () => HttpSource.open(secret, QUICK),
    "io/failed",
    "onnect",
  );
  assert(!JSON.stringify(error).includes("s3cret"), error.message);
  await refuses(
    () => HttpSource.open("ftp://127.0.0.1/x"),
    "usage/bad-argument",
    "http",
  );
});

/** Answers every connection with the same text, headers and all. */
function serveText(text: () => Iterable<string>): { url: string } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answer = async (connection: Deno.Conn): Promise<void> => {
    using _ = connection;
    await connection.read(new Uint8Array(4096));
    for (const part of text()) {
      let bytes = new TextEncoder().encode(part);
      while (bytes.length > 0) {
        bytes = bytes.subarray(await connection.write(bytes));
      }
    }
  };
  const all = (async () => {
    for await (const one of listener) await answer(one).catch(() => {});
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/app.psp`,
    [Symbol.dispose]: () => {
      listener.close();
      void all;
    },
  };
}

Deno.test("what is secret in addresses is in no message, whatever fails", async (t) => {
  const answers: Record<string, string> = {
    "a connection that ends": "",
    "something else than HTTP": "SSH-2.0-x\r\n",
    "a redirect to nowhere":
      "HTTP/1.1 302 Found\r\nLocation: http://[::x?sig=s3cret\r\n\r\n",
    "a redirect to a file":
      "HTTP/1.1 302 Found\r\nLocation: file:///s?sig=s3cret\r\n\r\n",
    "a redirect to what is not there":
      "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/?sig=s3cret\r\n\r\n",
  };
  for (const [name, answer] of Object.entries(answers)) {
    await t.step(name, async () => {
      using server = serveText(() => [answer]);
      const url = `${server.url.replace("//", "//me:s3cret@")}?token=s3cret`;
      const error = await refuses(
        () => HttpSource.open(url, QUICK),
        "io/failed",
        "/app.psp?…: ",
      );
      const said = [error.message, error.hint, error.context];
      assert(!JSON.stringify(said).includes("s3cret"), error.message);
    });
  }
});

Deno.test("headers that never end are given up", async (t) => {
  function* many(): Generator<string> {
    yield "HTTP/1.1 206 Partial Content\r\n";
    for (let i = 0;; i++) yield `X-${i}: ${"a".repeat(1000)}\r\n`;
  }
  function* one(): Generator<string> {
    yield "HTTP/1.1 206 Partial Content\r\nX: ";
    for (;;) yield "a".repeat(10_000);
  }
  function* provisional(): Generator<string> {
    for (;;) yield "HTTP/1.1 100 Continue\r\n\r\n";
  }
  for (const text of [many, one, provisional]) {
    await t.step(text.name, async () => {
      using server = serveText(text);
      const options = { ...QUICK, stallMs: 100 };
      await refuses(
        () => HttpSource.open(server.url, options),
        "io/failed",
        /too large|cut/,
      );
    });
  }
});

Deno.test("reading stops when it is told to", async () => {
  await opened((_request, _number, honest) => {
    const { headers, status } = honest();
    const silent = new ReadableStream({
      start: (controller) => controller.enqueue(BYTES.slice(0, 1000)),
    });
    return new Response(silent, { headers, status });
  }, async (source, requests) => {
    const stop = new AbortController();
    const reading = source.read(0, 5000, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 50);
    await assertRejects(() => reading, Error, "enough");
    const stream = source.stream(0, 5000);
    await stream.cancel();
    const other = source.read(0, 5000);
    setTimeout(() => source[Symbol.asyncDispose](), 50);
    await assertRejects(() => other, TypeError, "closed");
    assert(requests() <= 3);
  });
  await using server = serveBytes(BYTES, {
    fault: () => new Response(null, { status: 503 }),
  });
  const signal = AbortSignal.timeout(100);
  await assertRejects(
    () => HttpSource.open(server.url, { signal, retryDelayMs: 10_000 }),
    DOMException,
  );
});

Deno.test("a stream that nobody wants any more lets the program end", async () => {
  await using server = serveBytes(pseudoRandomBytes(8_000_000));
  const library = new URL("../../lib/io/http_source.ts", import.meta.url);
  // The next chunk is there when it is cancelled, and nothing is under way.
  const script = `
    const { HttpSource } = await import("${library}");
    const source = await HttpSource.open("${server.url}");
    const reader = source.stream(0, 7_000_000).getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await reader.cancel();
    console.log("cancelled");`;
  const config = fromFileUrl(new URL("../../deno.json", import.meta.url));
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", "--config", config, script],
    signal: AbortSignal.timeout(20_000),
  }).output();
  assertEquals(new TextDecoder().decode(stdout), "cancelled\n");
  assertEquals(code, 0);
});

Deno.test("many parts are read at once", async () => {
  await opened(() => undefined, async (source) => {
    await Promise.all(Array.from({ length: 50 }, async (_, i) => {
      const at = i * 10_000;
      assertEquals(
        await source.read(at, 15_000),
        BYTES.subarray(at, at + 15_000),
      );
    }));
  });
});

Deno.test({
  name: "a program that may not use the network is told so",
  permissions: { net: false, read: true },
  fn: async () => {
    const { hint } = await refuses(
      () => HttpSource.open("http://127.0.0.1:1234/x"),
      "io/denied",
      "may not use the network",
    );
    assertEquals(hint, "Allow it with --allow-net=127.0.0.1:1234");
  },
});

function endless(): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
  });
}
