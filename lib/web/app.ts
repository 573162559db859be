import { Hono } from "hono";
import { sha256 } from "../crypto/sha256.ts";
import { encodeHex } from "@std/encoding/hex";
import { type JsonValue, PspfError } from "../errors.ts";
import { parseVerifyLevel } from "../read/check_log.ts";
import { resolveTrustedKeys, type TrustedKey } from "../read/check_trust.ts";
import { comparePackages } from "../read/compare_packages.ts";
import { findSbom } from "../read/find_sbom.ts";
import { inspectPackage } from "../read/inspect_package.ts";
import { ListingTarget } from "../read/listed_files.ts";
import { changesJson, summaryJson, verdictJson } from "../read/package_json.ts";
import type { OpenedPackage } from "../read/open_package.ts";
import type { PackageSlot } from "../read/resolve_slots.ts";
import { extractSlot, streamSlot } from "../read/slot_content.ts";
import { openSlotFile } from "../read/slot_file.ts";
import { judgePackage } from "../read/verdict.ts";
import { isFresh, select } from "./conditional.ts";
import { Library, streamPart } from "./library.ts";
import { CONTENT_SECURITY_POLICY, loadAssets, shellHtml } from "./shell.ts";
import { problemOf, problemResponse } from "./problem.ts";
import { fixedShelf, type PackagesByName, type PackageShelf } from "./shelf.ts";

/** Options of {@linkcode createApp}. */
export interface AppOptions {
  /** What to show: a shelf, or packages by name. */
  readonly packages: PackageShelf | PackagesByName;
  /** The keys that whoever runs the service trusts. */
  readonly trustedKeys?: readonly TrustedKey[] | undefined;
  /**
   * The names under which the service may be asked for; any when absent. A
   * service on loopback should name its own: else a page somewhere in the
   * network can make its name mean this machine, and read along.
   */
  readonly hosts?: readonly string[] | undefined;
  /** Hears of errors that nobody expected. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The service: a hono application, as far as anybody needs it to be one. */
export interface WebApp {
  /**
   * Answers a request. It needs no `this`, so it fits wherever a host of web
   * services wants a handler.
   */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /**
   * Answers a request for a path, without any network.
   *
   * @param path Path and query, or a whole URL.
   * @param init Method and headers.
   * @returns The answer.
   */
  request(path: string, init?: RequestInit): Response | Promise<Response>;
}

/** Most entries of a tree that is sent. */
const MAX_ENTRIES = 500_000;

/** A part of at most so many bytes is sent at once: streaming it would take longer. */
const AT_A_TIME = 1024 * 1024;

/** A change of a package is seen the next time, and costs one question. */
const ASK_AGAIN = "no-cache";
/** What has its digest in its name never changes. */
const FOR_EVER = "public, max-age=31536000, immutable";
/** What the bundler puts into the names of the modules it splits off. */
const HASHED = /-[0-9A-Z]{8}\.js$/;

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

/**
 * Makes the web service that looks into packages: a page, and an API for
 * programs. It only reads; nothing of a package is run, written or sent as
 * anything but data.
 *
 * @param options What to show, and whom to trust.
 * @returns The service; its `fetch` answers requests on any host.
 *
 * @example Ask for the list
 * ```ts
 * import { createApp } from "@flavor/pspf/web";
 * import { assertEquals } from "@std/assert";
 *
 * const app = createApp({ packages: {} });
 * const response = await app.request("/api/packages.json");
 * assertEquals((await response.json()).packages, []);
 * ```
 */
export function createApp(options: AppOptions): WebApp {
  const { packages, trustedKeys, hosts, onError } = options;
  const shelf = isShelf(packages) ? packages : fixedShelf(packages);
  let resolved: Promise<readonly string[]> | undefined;
  const trusted = async (): Promise<readonly string[] | undefined> => {
    if (trustedKeys === undefined) return undefined;
    return await (resolved ??= resolveTrustedKeys(trustedKeys));
  };
  const library = new Library(shelf, trusted);
  const app = new Hono();

  app.onError((error) => {
    const problem = problemOf(error);
    if (problem.status >= 500) onError?.(error);
    return problemResponse(problem, SECURITY_HEADERS);
  });
  app.use(async (c, next) => {
    if (!isAllowedHost(c.req.url, hosts)) {
      throw new PspfError(
        "usage/bad-argument",
        "This service is not meant to be asked for under this name",
        { hint: "Use the address that it printed when it started" },
      );
    }
    if (c.req.raw.method !== "GET" && c.req.raw.method !== "HEAD") {
      const problem = problemOf(
        new PspfError("usage/bad-argument", "This service can only be read"),
      );
      return problemResponse({ ...problem, status: 405 }, {
        ...SECURITY_HEADERS,
        allow: "GET, HEAD",
      });
    }
    await next();
    // Those that are sent often bring them along, which costs less.
    const { headers } = c.res;
    if (!headers.has("x-content-type-options")) {
      for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
        if (!headers.has(name)) headers.set(name, value);
      }
    }
    return undefined;
  });

  app.get("/", async (c) => {
    const html = await shellHtml(await loadAssets());
    return await answer(c.req.raw, html, "text/html; charset=utf-8");
  });
  app.get("/page/:name", async (c) => {
    const path = `page/${c.req.param("name")}`;
    const found = (await loadAssets()).get(path);
    if (found === undefined) throw nothingThere();
    const { body, type, digest } = found;
    const isNamed = c.req.query("v") === digest || HASHED.test(path);
    return await answer(c.req.raw, body, type, isNamed ? FOR_EVER : ASK_AGAIN);
  });

  app.get("/api/packages.json", async (c) => {
    const [list, keys] = await Promise.all([library.list(), trusted()]);
    return await json(c.req.raw, {
      packages: list,
      trusted_keys: keys ?? null,
    });
  });

  app.get("/packages/:name", async (c) => {
    const file = await library.find(c.req.param("name"));
    const digest = await library.digest(file);
    const wanted = c.req.query("sha256");
    if (wanted !== undefined && wanted !== digest) {
      throw new PspfError(
        "io/not-found",
        `The package ${JSON.stringify(file.name)} has another SHA-256 by now`,
        { context: { package: file.name, expected: wanted, actual: digest } },
      );
    }
    const modified = file.modifiedMs === undefined
      ? undefined
      : new Date(file.modifiedMs).toUTCString();
    const etag = `"${digest}"`;
    const { size } = file;
    const headers: Record<string, string> = {
      ...SECURITY_HEADERS,
      "accept-ranges": "bytes",
      "cache-control": wanted === undefined ? ASK_AGAIN : FOR_EVER,
      "content-disposition": attachment(file.name),
      "content-type": "application/octet-stream",
      etag,
      ...(modified && { "last-modified": modified }),
    };
    const selection = select(c.req.raw.headers, { etag, size, modified });
    switch (selection.kind) {
      case "fresh":
        return new Response(null, { status: 304, headers });
      case "stale":
        return new Response(null, { status: 412, headers });
      case "outside":
        return new Response(null, {
          status: 416,
          headers: { ...headers, "content-range": `bytes */${size}` },
        });
    }
    const { first, last } = selection.kind === "part"
      ? selection.range
      : { first: 0, last: size - 1 };
    headers["content-length"] = String(last - first + 1);
    if (selection.kind === "part") {
      headers["content-range"] = `bytes ${first}-${last}/${size}`;
    }
    const status = selection.kind === "part" ? 206 : 200;
    if (c.req.raw.method === "HEAD") {
      return new Response(null, { status, headers });
    }
    const source = await file.open();
    if (last - first < AT_A_TIME) {
      await using _ = source;
      const bytes = await source.read(first, last - first + 1);
      return new Response(bytes as Uint8Array<ArrayBuffer>, {
        status,
        headers,
      });
    }
    const body = streamPart(
      source,
      first,
      last + 1,
      () => source[Symbol.asyncDispose](),
    );
    return new Response(body, { status, headers });
  });

  app.get("/api/packages/:name/inspect.json", async (c) => {
    const file = await library.find(c.req.param("name"));
    await using source = await file.open();
    const summary = await inspectPackage(source, { level: "relaxed" });
    return await json(c.req.raw, summaryJson({ ...summary, name: file.name }));
  });

  const judge = async (
    name: string,
    level: string | undefined,
    onProgress?: (bytes: number, size: number) => void,
    signal?: AbortSignal,
  ): Promise<JsonValue> => {
    const file = await library.find(name);
    const options = {
      level: level === undefined ? undefined : parseVerifyLevel(level),
      trustedKeys: await trusted(),
      signal,
    };
    return await library.heavy(async () => {
      await using source = await file.open();
      let done = 0;
      const verdict = await judgePackage(name, source, {
        ...options,
        onProgress: (bytes) => onProgress?.(done += bytes, source.size),
      });
      return verdictJson(verdict);
    });
  };

  app.get("/api/packages/:name/verify.json", async (c) => {
    const { name } = c.req.param();
    const verdict = await judge(name, c.req.query("level"));
    return await json(c.req.raw, verdict, "no-store");
  });

  app.get("/api/packages/:name/verify.jsonl", async (c) => {
    const name = c.req.param("name");
    // Not found has to be said before anything else is.
    await library.find(name);
    const ending = new AbortController();
    const encoder = new TextEncoder();
    const lines = new ReadableStream<Uint8Array>({
      async start(controller): Promise<void> {
        const say = (line: JsonValue): void => {
          if (ending.signal.aborted) return;
          controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
        };
        let said = 0;
        const tell = (done: number, size: number): void => {
          if (done - said < size / 100) return;
          said = done;
          say({ done, size });
        };
        try {
          const { signal } = ending;
          say({
            verdict: await judge(name, c.req.query("level"), tell, signal),
          });
        } catch (error) {
          say({ problem: { ...problemOf(error) } });
        }
        if (!ending.signal.aborted) controller.close();
      },
      cancel: () => ending.abort(),
    });
    return new Response(lines, {
      headers: {
        "cache-control": "no-store",
        "content-type": "application/jsonl",
      },
    });
  });

  app.get("/api/packages/:name/tree.json", async (c) => {
    await using opened = await library.open(c.req.param("name"));
    const slots = await library.heavy(() =>
      Array.fromAsync(opened.slots, (slot) => listSlot(opened, slot))
    );
    return await json(c.req.raw, { package: c.req.param("name"), slots });
  });

  app.get("/api/packages/:name/sbom.json", async (c) => {
    await using opened = await library.open(c.req.param("name"), "standard");
    const sbom = await library.heavy(() => findSbom(opened));
    if (sbom === undefined) {
      throw new PspfError(
        "io/not-found",
        `The package ${
          JSON.stringify(c.req.param("name"))
        } carries no CycloneDX document`,
        { context: { package: c.req.param("name") } },
      );
    }
    const type = "application/vnd.cyclonedx+json";
    return await answer(c.req.raw, sbom.json, type);
  });

  app.get("/api/packages/:name/slots/:slot/files/:path{.+}", async (c) => {
    const { name, slot: reference, path } = c.req.param();
    const file = await library.find(name);
    await using stack = new AsyncDisposableStack();
    const opened = stack.use(await library.open(name, "standard"));
    const slot = findSlot(opened, reference);
    // Frames are held to their digests one by one; else only the end proves anything.
    if (slot.frames === undefined || !slot.operations.isArchive) {
      await library.prove(file, slot.index, async () => {
        const stored = streamSlot(opened, slot, { raw: true });
        await stored.pipeTo(new WritableStream());
      });
    }
    const etag = `"${slot.metadata.checksum.replace(/^sha256:/, "")}"`;
    const headers: Record<string, string> = {
      "cache-control": ASK_AGAIN,
      "content-disposition": attachment(path.split("/").at(-1) ?? "file"),
      "content-type": "application/octet-stream",
      "content-security-policy": "default-src 'none'; sandbox",
      etag,
    };
    const { size, content } = await openSlotFile(opened, slot, path);
    const isKnown = isFresh(c.req.raw.headers, etag);
    if (size !== undefined) headers["content-length"] = String(size);
    if (isKnown || c.req.raw.method === "HEAD") {
      await content.cancel();
      return new Response(null, { status: isKnown ? 304 : 200, headers });
    }
    const rest = stack.move();
    return new Response(closingStream(content, () => rest.disposeAsync()), {
      headers,
    });
  });

  app.get("/api/diff.json", async (c) => {
    const { before = "", after = "" } = c.req.query();
    await using first = await library.open(before);
    await using second = await library.open(after);
    const changes = await library.heavy(() => comparePackages(first, second));
    return await json(c.req.raw, changesJson(before, after, changes));
  });

  app.all("*", () => {
    throw nothingThere();
  });
  return app;
}

function nothingThere(): PspfError {
  return new PspfError("io/not-found", "There is nothing at this address", {
    hint: "The page is at the root; see docs/serve.md for the API",
  });
}

function isShelf(
  packages: PackageShelf | PackagesByName,
): packages is PackageShelf {
  return typeof packages.list === "function";
}

function isAllowedHost(
  url: string,
  hosts: readonly string[] | undefined,
): boolean {
  return hosts === undefined ||
    hosts.includes(URL.parse(url)?.hostname ?? "");
}

async function json(
  request: Request,
  value: JsonValue,
  cache?: string,
): Promise<Response> {
  const text = JSON.stringify(value);
  return await answer(request, text, "application/json", cache);
}

/** Something small, whose name for caches is its own digest. */
async function answer(
  request: Request,
  text: string,
  type: string,
  cache: string = ASK_AGAIN,
): Promise<Response> {
  const body = new TextEncoder().encode(text);
  const etag = `"${encodeHex(await sha256(body))}"`;
  const headers = { "cache-control": cache, "content-type": type, etag };
  if (isFresh(request.headers, etag)) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(request.method === "HEAD" ? null : body, {
    headers: { ...headers, "content-length": String(body.length) },
  });
}

/** Says that something is a file to keep and never a page to show. */
function attachment(name: string): string {
  const plain = name.replaceAll(/[^\w.-]/g, "_");
  const full = encodeURIComponent(name.toWellFormed())
    .replaceAll(
      /['()*]/g,
      (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  return `attachment; filename="${plain}"; filename*=UTF-8''${full}`;
}

async function listSlot(
  opened: OpenedPackage,
  slot: PackageSlot,
): Promise<JsonValue> {
  const { index, id } = slot;
  const target = new ListingTarget({ maxFiles: MAX_ENTRIES });
  try {
    await extractSlot(opened, slot, target);
    return {
      index,
      name: id,
      files: target.files.map((file) => ({ ...file })),
    };
  } catch (error) {
    const { code, title, detail } = problemOf(error);
    return { index, name: id, problem: { code, title, detail } };
  }
}

function findSlot(opened: OpenedPackage, reference: string): PackageSlot {
  const slot = /^[0-9]{1,5}$/.test(reference)
    ? opened.slots[Number(reference)]
    : opened.slots.find(({ id }) => id === reference);
  if (slot !== undefined) return slot;
  throw new PspfError(
    "io/not-found",
    `There is no slot ${JSON.stringify(reference)}`,
    {
      context: { slot: reference, slots: opened.slots.map(({ id }) => id) },
    },
  );
}

/** The same bytes; `close` is called once they are read, or nobody wants more. */
function closingStream(
  content: ReadableStream<Uint8Array>,
  close: () => Promise<void>,
): ReadableStream<Uint8Array> {
  const reader = content.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const { value, done } = await reader.read().catch(async (error) => {
        await close();
        throw error;
      });
      if (!done) return controller.enqueue(value);
      await close();
      controller.close();
    },
    async cancel(reason): Promise<void> {
      await reader.cancel(reason);
      await close();
    },
  }, { highWaterMark: 0 });
}
