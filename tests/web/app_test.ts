import { sha256 } from "@flavor/pspf/crypto";
import { createApp, type PackagesByName } from "@flavor/pspf/web";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { inspectPackage } from "@flavor/pspf/read";
import { cli } from "../support/captured_host.ts";
import { tempDir } from "../support/temp_dir.ts";
import {
  archivePackage,
  demoPackage,
  hostilePackage,
  MARKUP,
  SBOM,
  tamper,
} from "./demo_packages.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";

// deno-lint-ignore no-explicit-any -- what comes is looked at field by field
type Json = any;

const GOOD = await demoPackage({ sbom: SBOM });
const ZSTD = await demoPackage({ compression: "zstd", version: "1.5.0" });
const PACKAGES: PackagesByName = {
  "good.psp": GOOD,
  "zstd.psp": ZSTD,
  "tampered.psp": await tamper(GOOD),
  "broken.psp": new Uint8Array(9000),
  "notes.txt": new TextEncoder().encode("not a package".repeat(1000)),
};
const app = createApp({ packages: PACKAGES });

async function get(path: string, init?: RequestInit): Promise<Response> {
  return await app.request(path, init);
}

async function getJson(path: string): Promise<Json> {
  const response = await get(path);
  assertEquals(response.headers.get("content-type"), "application/json");
  return await response.json();
}

async function problemAt(
  path: string,
  init?: RequestInit,
): Promise<readonly [status: number, code: string]> {
  const response = await get(path, init);
  assertEquals(
    response.headers.get("content-type"),
    "application/problem+json",
    path,
  );
  const { status, code, type, title, detail } = await response.json();
  assertEquals(type, `urn:flavor:error:${code}`);
  assertEquals(status, response.status);
  assert(title !== "" && detail !== "");
  return [status, code];
}

Deno.test("the list names packages, and no other files", async () => {
  const { packages, trusted_keys } = await getJson("/api/packages.json");
  assertEquals(trusted_keys, null);
  assertEquals(
    packages.map(({ file, name, version, signed }: Json) => [
      file,
      name,
      version,
      signed,
    ]),
    [
      ["broken.psp", undefined, undefined, undefined],
      ["good.psp", "weather", "1.4.0", true],
      ["tampered.psp", "weather", "1.4.0", true],
      ["zstd.psp", "weather", "1.5.0", true],
    ],
  );
  assertEquals(packages[0].problem.code, "format/not-a-package");
  const [status] = await problemAt("/packages/notes.txt");
  assertEquals(status, 404);
});

Deno.test("the list says whose key is trusted", async () => {
  const { fingerprint } = await inspectPackage(GOOD);
  const trusting = createApp({
    packages: {
      "ours.psp": GOOD,
      "theirs.psp": await demoPackage({ seed: "x" }),
    },
    trustedKeys: [fingerprint],
  });
  const response = await trusting.request("/api/packages.json");
  const { packages, trusted_keys } = await response.json();
  assertEquals(trusted_keys, [fingerprint]);
  assertEquals(packages.map(({ trusted }: Json) => trusted), [true, false]);
  const verdict = await trusting.request(
    "/api/packages/theirs.psp/verify.json",
  );
  const { valid, trusted } = await verdict.json();
  assertEquals([valid, trusted], [false, false]);
});

Deno.test("a wrong signature is no signature in the list, whoever is named", async () => {
  const forged = await makeSealedPackage({
    isSealed: false,
    editIndex: (init) => ({ ...init, signature: new Uint8Array(64).fill(1) }),
  });
  const { fingerprint } = await inspectPackage(forged, { level: "relaxed" });
  const other = createApp({
    packages: { "a.psp": forged },
    trustedKeys: [fingerprint],
  });
  const response = await other.request("/api/packages.json");
  const { packages: [one] } = await response.json();
  assertEquals([one.signed, one.trusted], [false, false]);
});

Deno.test("inspect.json is what flavor inspect --json prints", async () => {
  await using dir = await tempDir();
  await dir.write("good.psp", GOOD);
  const { out } = await cli(["inspect", "good.psp", "--json"], {
    cwd: dir.path,
  });
  assertEquals(
    await getJson("/api/packages/good.psp/inspect.json"),
    JSON.parse(out),
  );
});

Deno.test("verify.json is what flavor verify --json prints, good or bad", async () => {
  await using dir = await tempDir();
  for (const file of ["good.psp", "tampered.psp", "broken.psp"]) {
    await dir.write(file, PACKAGES[file] as Uint8Array);
    const { out } = await cli(["verify", file, "--json"], { cwd: dir.path });
    assertEquals(
      await getJson(`/api/packages/${file}/verify.json`),
      JSON.parse(out),
      file,
    );
  }
  const strict = await getJson(
    "/api/packages/good.psp/verify.json?level=strict",
  );
  assertEquals([strict.valid, strict.level], [true, "strict"]);
  assertEquals(await problemAt("/api/packages/good.psp/verify.json?level=x"), [
    400,
    "usage/bad-argument",
  ]);
});

Deno.test("verify.jsonl tells how far it is, and the verdict last", async () => {
  const response = await get("/api/packages/tampered.psp/verify.jsonl");
  assertEquals(response.headers.get("content-type"), "application/jsonl");
  const lines = (await response.text()).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  const verdict = lines.pop().verdict;
  assertEquals(verdict.valid, false);
  assertEquals(
    verdict.checks.find(({ status }: Json) => status === "fail").code,
    "verify/slot-digest",
  );
  assert(lines.length > 0);
  const size = GOOD.length;
  const done = lines.map((line) => line.done);
  assertEquals(done, done.toSorted((a, b) => a - b));
  assert(lines.every((line) => line.size === size && line.done <= size));
  assertEquals(await problemAt("/api/packages/no.psp/verify.jsonl"), [
    404,
    "io/not-found",
  ]);
});

Deno.test("verify.jsonl ends its verification when nobody reads on", async () => {
  const size = GOOD.length;
  const started = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();
  const seen: unknown[] = [];
  const slow = createApp({
    onError: (error) => seen.push(error),
    packages: {
      "slow.psp": {
        name: "slow.psp",
        size,
        read: (offset, length) =>
          Promise.resolve(GOOD.slice(offset, offset + length)),
        stream: (_offset, _length, { signal } = {}) => {
          const stop = (): void => stopped.resolve();
          started.resolve();
          return new ReadableStream({
            start(controller): void {
              signal?.addEventListener("abort", () => {
                controller.error(signal.reason);
                stop();
              });
            },
            cancel: stop,
          });
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
    },
  });
  const response = await slow.request("/api/packages/slow.psp/verify.jsonl");
  await started.promise;
  await response.body?.cancel();
  await stopped.promise;
  assertEquals(seen, []);
});

Deno.test("tree.json lists the files of every slot", async () => {
  for (const file of ["good.psp", "zstd.psp"]) {
    const { slots } = await getJson(`/api/packages/${file}/tree.json`);
    assertEquals(slots[0].name, "app");
    const files = new Map(
      slots[0].files.map((one: Json) => [one.path, one]),
    ) as Map<string, Json>;
    assertEquals(files.get("bin/weather"), {
      kind: "file",
      path: "bin/weather",
      mode: 0o755,
      size: 21,
    });
    assertEquals(files.get("bin/latest"), {
      kind: "link",
      path: "bin/latest",
      target: "weather",
    });
    assertEquals(slots[1].files.map(({ path }: Json) => path), [
      "settings.json",
    ]);
  }
});

Deno.test("a slot that cannot be listed says why, the others are listed", async () => {
  const { slots } = await getJson("/api/packages/tampered.psp/tree.json");
  assertEquals(slots[0].files, undefined);
  // Damage is met by the decoder or by the digest, whichever is first.
  assertMatch(slots[0].problem.code, /^(verify|compress|archive)\//);
  assertEquals(slots[1].files.length, 1);
});

Deno.test("one file of a slot comes as data, with its length", async () => {
  for (const file of ["good.psp", "zstd.psp"]) {
    for (const slot of ["0", "app"]) {
      const response = await get(
        `/api/packages/${file}/slots/${slot}/files/share/places/oslo.txt`,
      );
      assertEquals(response.status, 200);
      assertEquals(response.headers.get("content-length"), "16");
      assertEquals(await response.text(), "59.91 N 10.75 E\n");
    }
  }
  const settings = await get(
    "/api/packages/good.psp/slots/settings/files/settings.json",
  );
  assertEquals((await settings.text()).length, 400);
});

Deno.test("what is not a file of a slot is not found", async () => {
  const slot = "/api/packages/good.psp/slots/app/files";
  for (
    const path of [
      `${slot}/nothing`,
      `${slot}/bin`,
      `${slot}/bin/latest`,
      `${slot}/%2e%2e%2f%2e%2e%2fetc%2fpasswd`,
      `${slot}/..%2f..%2f..%2fetc/passwd`,
      `${slot}/%2fetc%2fpasswd`,
      "/api/packages/good.psp/slots/9/files/bin/weather",
      "/api/packages/good.psp/slots/nothing/files/bin/weather",
      "/api/packages/..%2f..%2fetc%2fpasswd/inspect.json",
      "/packages/..%2f..%2fetc%2fpasswd",
      "/packages/%00",
      "/packages/",
      "/nothing",
      "/page.js.map",
    ]
  ) {
    const [status, code] = await problemAt(path);
    assert(
      status === 404 || code === "archive/unsafe-path",
      `${path}: ${status} ${code}`,
    );
  }
});

Deno.test("no byte of a slot with another digest is sent", async () => {
  const path = "/api/packages/tampered.psp/slots/app/files/bin/weather";
  assertEquals(await problemAt(path), [422, "verify/slot-digest"]);
  // Asked again it is not taken for proved.
  assertEquals(await problemAt(path), [422, "verify/slot-digest"]);
  const whole = await get(
    "/api/packages/tampered.psp/slots/settings/files/settings.json",
  );
  assertEquals(whole.status, 200);
  await whole.body?.cancel();
});

Deno.test("a second name of a file leads to the first, and in circles nowhere", async () => {
  const linked = createApp({
    packages: {
      "a.psp": await archivePackage([
        { name: "one", content: "text" },
        { name: "two", type: "1", link: "one" },
        { name: "self", type: "1", link: "self" },
      ]),
    },
  });
  const slot = "/api/packages/a.psp/slots/0/files";
  assertEquals(await (await linked.request(`${slot}/two`)).text(), "text");
  const circle = await linked.request(`${slot}/self`);
  assert(circle.status >= 400);
  await circle.body?.cancel();
});

Deno.test("pages and pictures of a package are only ever data", async () => {
  const hostile = createApp({
    packages: { "evil.psp": await hostilePackage() },
  });
  for (const name of ["page.html", "picture.svg"]) {
    const response = await hostile.request(
      `/api/packages/evil.psp/slots/0/files/${name}`,
    );
    const { headers } = response;
    assertEquals(response.status, 200);
    assertEquals(headers.get("content-type"), "application/octet-stream");
    assertEquals(headers.get("x-content-type-options"), "nosniff");
    assertEquals(
      headers.get("content-security-policy"),
      "default-src 'none'; sandbox",
    );
    assertMatch(headers.get("content-disposition") ?? "", /^attachment; /);
    await response.body?.cancel();
  }
  const odd = await hostile.request(
    `/api/packages/evil.psp/slots/0/files/${
      encodeURIComponent("a&b%2e%2e%2f#c?d")
    }`,
  );
  assertEquals(await odd.text(), "odd");
  assertEquals(
    odd.headers.get("content-disposition"),
    `attachment; filename="a_b_2e_2e_2f_c_d"; filename*=UTF-8''a%26b%252e%252e%252f%23c%3Fd`,
  );
  const listed = await hostile.request("/api/packages.json");
  assertEquals(listed.headers.get("content-type"), "application/json");
  assertEquals((await listed.json()).packages[0].name, MARKUP);
});

Deno.test("no name of a package gets into a header or breaks one", async () => {
  const name = 'a"b\r\nset-cookie: x=1\\ü\ud800.psp';
  const odd = createApp({ packages: { [name]: GOOD } });
  const { packages } = await (await odd.request("/api/packages.json")).json();
  assertEquals(packages.length, 1);
  const path = encodeURIComponent(name.toWellFormed());
  const response = await odd.request(`/packages/${path}`);
  // Half of a surrogate pair has no form in a URL.
  assertEquals(response.status, 404);
  await response.body?.cancel();
  const tame = createApp({ packages: { [name.toWellFormed()]: GOOD } });
  const sent = await tame.request(`/packages/${path}`, { method: "HEAD" });
  assertEquals(sent.status, 200);
  assertEquals(sent.headers.get("set-cookie"), null);
  assertMatch(
    sent.headers.get("content-disposition") ?? "",
    /^attachment; filename="[\w.-]+"; filename\*=UTF-8''[\w.%-]+$/,
  );
});

Deno.test("sbom.json is the document that the package carries, or a problem", async () => {
  const response = await get("/api/packages/good.psp/sbom.json");
  assertEquals(
    response.headers.get("content-type"),
    "application/vnd.cyclonedx+json",
  );
  assertEquals(await response.json(), SBOM);
  assertEquals(await problemAt("/api/packages/zstd.psp/sbom.json"), [
    404,
    "io/not-found",
  ]);
});

Deno.test("diff.json names what changed between two packages", async () => {
  const { same, slots, facts } = await getJson(
    "/api/diff.json?before=good.psp&after=zstd.psp",
  );
  assertEquals(same, false);
  assertEquals(
    slots.find(({ name }: Json) => name === "sbom").status,
    "removed",
  );
  assert(facts.some(({ key }: Json) => key === "package.version"));
  const equal = await getJson("/api/diff.json?before=good.psp&after=good.psp");
  assertEquals(equal.same, true);
  assertEquals(await problemAt("/api/diff.json?before=good.psp"), [
    404,
    "io/not-found",
  ]);
});

Deno.test("a package comes whole, in parts, or not at all when it is known", async () => {
  const etag = `"${encodeHex(await sha256(GOOD))}"`;
  const path = "/packages/good.psp";
  const whole = await get(path);
  assertEquals(whole.headers.get("etag"), etag);
  assertEquals(whole.headers.get("accept-ranges"), "bytes");
  assertEquals(whole.headers.get("cache-control"), "no-cache");
  assertEquals(new Uint8Array(await whole.arrayBuffer()), GOOD);
  const size = GOOD.length;
  for (
    const [range, first, last] of [
      ["bytes=0-0", 0, 0],
      ["bytes=10-19", 10, 19],
      ["bytes=100-", 100, size - 1],
      ["bytes=-8200", size - 8200, size - 1],
      [`bytes=-${size * 2}`, 0, size - 1],
      [`bytes=5-${size * 2}`, 5, size - 1],
    ] as const
  ) {
    for (const method of ["GET", "HEAD"]) {
      const part = await get(path, { method, headers: { range } });
      assertEquals(part.status, 206, range);
      assertEquals(
        part.headers.get("content-range"),
        `bytes ${first}-${last}/${size}`,
      );
      assertEquals(part.headers.get("content-length"), `${last - first + 1}`);
      const bytes = new Uint8Array(await part.arrayBuffer());
      const expected = method === "GET"
        ? GOOD.slice(first, last + 1)
        : new Uint8Array();
      assertEquals(bytes, expected);
    }
  }
  for (
    const range of ["bytes=5-2", "lines=1-2", "bytes=0-1,5-6", "bytes=-", ""]
  ) {
    const all = await get(path, { headers: { range } });
    assertEquals([all.status, (await all.bytes()).length], [200, size], range);
  }
  for (const range of [`bytes=${size}-`, "bytes=-0"]) {
    const none = await get(path, { headers: { range } });
    assertEquals(none.status, 416, range);
    assertEquals(none.headers.get("content-range"), `bytes */${size}`);
  }
});

Deno.test("conditions of requests are kept", async () => {
  const etag = `"${encodeHex(await sha256(GOOD))}"`;
  const path = "/packages/good.psp";
  const range = "bytes=0-9";
  const statusOf = async (headers: Record<string, string>): Promise<number> => {
    const response = await get(path, { headers });
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await statusOf({ "if-none-match": etag }), 304);
  assertEquals(await statusOf({ "if-none-match": `"x", W/${etag}` }), 304);
  assertEquals(await statusOf({ "if-none-match": "*" }), 304);
  assertEquals(await statusOf({ "if-none-match": '"x"' }), 200);
  assertEquals(await statusOf({ "if-match": etag, range }), 206);
  assertEquals(await statusOf({ "if-match": '"x"', range }), 412);
  assertEquals(await statusOf({ "if-range": etag, range }), 206);
  assertEquals(await statusOf({ "if-range": '"x"', range }), 200);
  for (
    const small of [
      "/",
      "/page/main.js",
      "/page/style.css",
      "/page/icon.svg",
      "/api/packages.json",
      "/api/packages/good.psp/inspect.json",
      "/api/packages/good.psp/tree.json",
    ]
  ) {
    const first = await get(small);
    const tag = first.headers.get("etag") ?? "";
    await first.body?.cancel();
    const again = await get(small, { headers: { "if-none-match": tag } });
    assertEquals([again.status, again.body], [304, null], small);
    const head = await get(small, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""], small);
    assertEquals(head.headers.get("etag"), tag, small);
  }
});

Deno.test("what is named by its digest may be kept for ever", async () => {
  const digest = encodeHex(await sha256(GOOD));
  const named = await get(`/packages/good.psp?sha256=${digest}`, {
    method: "HEAD",
  });
  assertMatch(named.headers.get("cache-control") ?? "", /immutable/);
  assertEquals(await problemAt(`/packages/good.psp?sha256=${"0".repeat(64)}`), [
    404,
    "io/not-found",
  ]);
  const html = await (await get("/")).text();
  for (const name of ["page/main.js", "page/style.css"]) {
    const link = new RegExp(`${name}\\?v=[0-9a-f]{64}`).exec(html)?.[0];
    const asset = await get(`/${link}`, { method: "HEAD" });
    assertMatch(asset.headers.get("cache-control") ?? "", /immutable/, name);
    const plain = await get(`/${name}`, { method: "HEAD" });
    assertEquals(plain.headers.get("cache-control"), "no-cache");
  }
  // What only some packages need is a module of its own, named by its hash.
  const main = await (await get("/page/main.js")).text();
  const codecs = /\.\/(codecs_wasm-[0-9A-Z]{8}\.js)/.exec(main)?.[1];
  const module = await get(`/page/${codecs}`, { method: "HEAD" });
  assertEquals(module.status, 200);
  assertMatch(module.headers.get("cache-control") ?? "", /immutable/);
  assertEquals(await problemAt("/page/other.js"), [404, "io/not-found"]);
});

Deno.test("nothing can be written, and every answer forbids what it does not need", async () => {
  for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
    assertEquals(await problemAt("/packages/good.psp", { method }), [
      405,
      "usage/bad-argument",
    ]);
  }
  for (
    const path of [
      "/",
      "/page.js",
      "/packages/good.psp",
      "/nothing",
      "/api/packages.json",
      "/api/packages/good.psp/verify.jsonl",
    ]
  ) {
    const response = await get(path);
    await response.body?.cancel();
    const { headers } = response;
    const policy = headers.get("content-security-policy") ?? "";
    assertMatch(policy, /^default-src 'none'; /, path);
    assertMatch(policy, /frame-ancestors 'none'/, path);
    assertEquals(
      /unsafe-inline|unsafe-eval|http|data:|\*/.exec(
        policy.replace("'wasm-unsafe-eval'", ""),
      ),
      null,
    );
    assertEquals(headers.get("x-content-type-options"), "nosniff", path);
    assertEquals(headers.get("referrer-policy"), "no-referrer", path);
    assertEquals(headers.get("access-control-allow-origin"), null, path);
  }
});

Deno.test("a service that knows its name answers to no other", async () => {
  const careful = createApp({
    packages: PACKAGES,
    hosts: ["127.0.0.1", "localhost"],
  });
  const good = await careful.request("http://127.0.0.1:8017/api/packages.json");
  assertEquals(good.status, 200);
  // A page elsewhere whose name was made to lead here.
  const bad = await careful.request("http://rebound.example/api/packages.json");
  assertEquals(bad.status, 400);
  assertEquals((await bad.json()).code, "usage/bad-argument");
  // What only a program would send in `Host`.
  const odd = await careful.fetch({
    url: "http://localhost, other/api/packages.json",
    method: "GET",
    headers: new Headers(),
    signal: new AbortController().signal,
  } as Request);
  assertEquals(odd.status, 400);
});

Deno.test("what nobody expected is told to the operator, and not to whoever asks", async () => {
  const seen: unknown[] = [];
  const failing = createApp({
    packages: {
      list: () => Promise.reject(new Error("/home/somebody/secret")),
      find: () => Promise.reject(new Error("/home/somebody/secret")),
    },
    onError: (error) => seen.push(error),
  });
  for (const path of ["/api/packages.json", "/packages/a.psp"]) {
    const response = await failing.request(path);
    assertEquals(response.status, 500);
    const text = await response.text();
    assertEquals(text.includes("secret"), false);
    assertEquals(JSON.parse(text).code, "internal/bug");
  }
  assertEquals(seen.length, 2);
});
