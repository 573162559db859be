import { encodeHex } from "@std/encoding/hex";
import {
  type KeyPair,
  keyPairFromSeed,
  sign,
} from "../../lib/crypto/ed25519.ts";
import { sha256 } from "../../lib/crypto/sha256.ts";

/** The key that releases of tests are signed with. */
export const RELEASE_KEY: KeyPair = await keyPairFromSeed("test releases");

/** A server of releases on this machine. */
export interface ReleaseServer extends AsyncDisposable {
  readonly url: string;
  /** Files by name, the same in every version; may be changed. */
  readonly files: Map<string, string | Uint8Array>;
  /** Names that are answered with half of their bytes. */
  readonly cut: Set<string>;
  /** Paths that were asked for. */
  readonly asked: string[];
}

/** Serves files as a release, with digests and signature. */
export async function serveRelease(
  version: string,
  files: Readonly<Record<string, string>>,
  keyPair: KeyPair = RELEASE_KEY,
): Promise<ReleaseServer> {
  const all = new Map<string, string | Uint8Array>(Object.entries(files));
  all.set("release.json", JSON.stringify({ version, commit: "0".repeat(40) }));
  const lines = await Array.fromAsync(
    all,
    async ([name, content]) =>
      `${encodeHex(await sha256(toBytes(content)))}  ${name}\n`,
  );
  const sums = new TextEncoder().encode(lines.join(""));
  all.set("SHA256SUMS", sums);
  all.set("SHA256SUMS.sig", await sign(keyPair, sums));
  const cut = new Set<string>();
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      const name =
        /^\/(?:latest\/download|download\/v[^/]+)\/([^/]+)$/.exec(pathname)
          ?.[1] ?? "";
      const content = all.get(name);
      if (content === undefined) return new Response("", { status: 404 });
      const bytes = new Uint8Array(toBytes(content));
      if (!cut.has(name)) return new Response(bytes);
      return new Response(
        new ReadableStream({
          pull(controller): void {
            controller.enqueue(bytes.subarray(0, bytes.length / 2));
            controller.close();
          },
        }),
        { headers: { "content-length": String(bytes.length) } },
      );
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    files: all,
    cut,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

function toBytes(content: string | Uint8Array): Uint8Array {
  return typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
}
