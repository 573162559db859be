import { decodeHex, encodeHex } from "@std/encoding/hex";

import { verify } from "../crypto/ed25519.ts";
import { createSha256, sha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import type { Environment } from "../host/types.ts";
import { BUILT_RELEASE } from "./built_release.ts";

/** Names the digests of all files of a release, and what signs them. */
export const SUMS = "SHA256SUMS";
export const SUMS_SIGNATURE = "SHA256SUMS.sig";
/** Says which release it is. */
export const RELEASE_FACTS = "release.json";

const MAX_TEXT_SIZE = 1024 * 1024;
const MAX_FILE_SIZE = 1024 * 1024 * 1024;
/** A server that sends nothing for so long is not going to. */
const STALL_MS = 60_000;

/** A release whose digests are signed by the key that was asked for. */
export interface SignedRelease {
  readonly version: string;
  readonly commit: string | undefined;
  /** Gets a file piece by piece; its digest was checked when this returns. */
  download(
    name: string,
    write: (chunk: Uint8Array) => Promise<void>,
  ): Promise<void>;
}

/**
 * Where releases are. Tests have their own on this machine; nobody is led to
 * another server by a variable.
 */
export function releasesUrl(env: Environment): string {
  const named = env.get("FLAVOR_RELEASES_URL") ?? "";
  if (named === "") return BUILT_RELEASE.releases;
  if (/^http:\/\/127\.0\.0\.1(:\d+)?(\/|$)/.test(named)) {
    return named.replace(/\/$/, "");
  }
  throw new PspfError(
    "usage/bad-argument",
    `FLAVOR_RELEASES_URL is "${named}"; it may only name http://127.0.0.1, for tests`,
    { hint: "Unset it" },
  );
}

/** Opens the newest release, or the one of a version. */
export async function openRelease(
  releases: string,
  version: string | undefined,
  publicKey: string,
): Promise<SignedRelease> {
  const base = version === undefined
    ? `${releases}/latest/download`
    : `${releases}/download/v${version}`;
  const [sums, signature] = [
    await fetchSmall(`${base}/${SUMS}`),
    await fetchSmall(`${base}/${SUMS_SIGNATURE}`),
  ];
  if (!await verify(decodeHex(publicKey), signature, sums)) {
    throw new PspfError(
      "verify/signature",
      `Cannot trust "${base}/${SUMS}": it is not signed by the key of flavor's releases`,
      {
        context: { url: base, expected: publicKey },
        hint:
          "Somebody may be tampering with the connection; nothing was changed",
      },
    );
  }
  const digests = parseSums(new TextDecoder().decode(sums));
  const facts = await fetchSmall(`${base}/${RELEASE_FACTS}`);
  checkDigest(RELEASE_FACTS, encodeHex(await sha256(facts)), digests);
  const { version: actual, commit } = JSON.parse(
    new TextDecoder().decode(facts),
  );
  if (version !== undefined && actual !== version) {
    throw new PspfError(
      "verify/signature",
      `Cannot trust "${base}": it is the release ${actual}, not ${version}`,
    );
  }
  return {
    version: actual,
    commit: commit ?? undefined,
    async download(name, write): Promise<void> {
      if (!digests.has(name)) {
        throw new PspfError(
          "io/not-found",
          `The release ${actual} has no "${name}"`,
          { context: { url: base, name } },
        );
      }
      const hash = createSha256();
      await fetchFile(`${base}/${name}`, MAX_FILE_SIZE, async (chunk) => {
        await hash.update(chunk);
        await write(chunk);
      });
      checkDigest(name, encodeHex(await hash.digest()), digests);
    },
  };
}

/** Reads lines of `sha256sum`. */
export function parseSums(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^([0-9a-f]{64}) [ *](\S+)$/gm)]
      .map(([, digest = "", name = ""]) => [name, digest]),
  );
}

function checkDigest(
  name: string,
  actual: string,
  digests: ReadonlyMap<string, string>,
): void {
  const expected = digests.get(name);
  if (actual === expected) return;
  throw new PspfError(
    "verify/signature",
    `Cannot trust "${name}": its SHA-256 is ${actual}, the signed one is ${
      expected ?? "missing"
    }`,
    {
      context: { name, actual, expected: expected ?? null },
      hint: "The download is damaged or was changed; try again later",
    },
  );
}

async function fetchSmall(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  await fetchFile(url, MAX_TEXT_SIZE, (chunk) => {
    chunks.push(chunk);
    return Promise.resolve();
  });
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Fetches a file of at most `limit` bytes; one that is cut off is an error. */
export async function fetchFile(
  url: string,
  limit: number,
  write: (chunk: Uint8Array<ArrayBuffer>) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  let timer = setTimeout(() => stop.abort(), STALL_MS);
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw failed(url, `the server answers ${response.status}`);
    }
    let size = 0;
    for await (const chunk of response.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(() => stop.abort(), STALL_MS);
      size += chunk.length;
      if (size > limit) throw failed(url, `it has more than ${limit} bytes`);
      await write(chunk);
    }
  } catch (error) {
    if (error instanceof PspfError) throw error;
    const reason = stop.signal.aborted
      ? "the server has stopped sending"
      : error instanceof Error
      ? error.message
      : String(error);
    throw failed(url, reason, error);
  } finally {
    clearTimeout(timer);
  }
}

function failed(url: string, reason: string, cause?: unknown): PspfError {
  return new PspfError("io/failed", `Cannot fetch "${url}": ${reason}`, {
    context: { url },
    hint: "Check the connection and try again",
    cause,
  });
}
