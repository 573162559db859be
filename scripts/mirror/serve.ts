/**
 * Serves a mirror of JSR on 127.0.0.1 while a command runs:
 *
 *     serve.ts MIRROR PROGRAM [ARGS...]
 *
 * Deno treats modules below a `file:` URL as part of the project and checks
 * them with its compiler options; those that come over HTTP it leaves alone,
 * as it does with JSR's own.
 */

import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { listFiles } from "./mirror_package.ts";

const TYPES: Readonly<Record<string, string>> = {
  ts: "text/typescript",
  mts: "text/typescript",
  js: "text/javascript",
  mjs: "text/javascript",
  json: "application/json",
};

const [mirror, program, ...args] = Deno.args;
if (mirror === undefined || program === undefined) {
  console.error("usage: serve.ts MIRROR PROGRAM [ARGS...]");
  Deno.exit(2);
}

// Deno caches by URL: the same mirror comes from the same address again, where
// that is free, and another one never does.
const key = basename(mirror);
const files = new Map(
  listFiles(mirror).map((path) => [`/${key}/${path}`, join(mirror, path)]),
);

function answer(request: Request): Response {
  const { pathname } = new URL(request.url);
  const file = files.get(pathname);
  if (file === undefined) return new Response("Not found", { status: 404 });
  const type = TYPES[pathname.slice(pathname.lastIndexOf(".") + 1)];
  return new Response(readFileSync(file), {
    headers: { "content-type": type ?? "text/plain" },
  });
}

function serve(port: number): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    answer,
  );
}

function serveSomewhere(): Deno.HttpServer<Deno.NetAddr> {
  try {
    return serve(20_000 + Number.parseInt(key.replace(/\D/g, ""), 10) % 10_000);
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    return serve(0);
  }
}

const server = serveSomewhere();
const child = new Deno.Command(program, {
  args,
  env: { JSR_URL: `http://127.0.0.1:${server.addr.port}/${key}/` },
}).spawn();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => {
    try {
      child.kill(signal);
    } catch {
      // It ended in the same moment.
    }
  });
}
const { code } = await child.status;
Deno.exit(code);
