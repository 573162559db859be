import { encodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "../crypto/sha256.ts";
import { isPspfError, PspfError } from "../errors.ts";
import {
  type Fetch,
  HttpExchange,
  type HttpOptions,
  PassingError,
  Patience,
  withPatience,
} from "../io/http_exchange.ts";
import { HttpSource } from "../io/http_source.ts";
import { digestError } from "../read/check_trust.ts";
import type { Credentials, FindCredentials } from "./credentials.ts";
import { isLoopback, type Reference } from "./reference.ts";

/** Something in a registry, by its content. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** The content itself in base64, where it is small. */
  readonly data?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Options of {@linkcode RegistryClient}. */
export interface RegistryOptions extends HttpOptions {
  /** Finds out who we are; nobody in particular when absent. */
  readonly credentials?: FindCredentials | undefined;
  /** Whether another machine may be spoken to without encryption. */
  readonly plainHttp?: boolean | undefined;
}

/** What is sent, and how it is read again after a failure. */
export interface Upload {
  readonly digest: string;
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What became of a blob that was to be sent. */
export type UploadOutcome = "exists" | "mounted" | "sent";

/** What every registry takes, and more than any package needs. */
const MAX_MANIFEST_SIZE = 4 * 1024 * 1024;
const MAX_TOKEN_SIZE = 256 * 1024;
/** What is sent at once, and again when that fails. */
const CHUNK_SIZE = 8 * 1024 * 1024;
/** A registry may ask for larger chunks, but they stand in memory. */
const MAX_CHUNK_SIZE = 64 * 1024 * 1024;

/** One repository of a registry. */
export class RegistryClient {
  readonly #reference: Reference;
  readonly #options: RegistryOptions;
  readonly #origin: string;
  readonly #scopes: readonly string[];
  #authorization: string | undefined;

  /** `actions` is what a token is asked for; blobs may be mounted from the other repositories. */
  constructor(
    reference: Reference,
    actions: "pull" | "pull,push",
    options: RegistryOptions,
    others: readonly string[] = [],
  ) {
    const { registry, repository } = reference;
    const isPlain = options.plainHttp === true || isLoopback(registry);
    this.#reference = reference;
    this.#options = { ...options, fetch: this.#fetch };
    this.#origin =
      new URL(`${isPlain ? "http" : "https"}://${registry}`).origin;
    this.#scopes = [
      `repository:${repository}:${actions}`,
      ...others.map((other) => `repository:${other}:pull`),
    ];
    this.#send = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  }
  readonly #send: Fetch;

  /** Reads a manifest by its tag or digest, and holds it to the digest. */
  async readManifest(
    version: string,
    mediaTypes: readonly string[],
  ): Promise<{ readonly bytes: Uint8Array; readonly digest: string }> {
    const bytes = await withPatience(this.#options, async () => {
      await using exchange = await this.#request(
        `manifests/${version}`,
        { headers: { Accept: mediaTypes.join(", ") } },
        [200],
      );
      const found = await exchange.small(MAX_MANIFEST_SIZE);
      if (found !== undefined) return found;
      throw this.#problem(
        `the manifest has more than ${MAX_MANIFEST_SIZE} bytes`,
      );
    });
    const actual = await sha256(bytes);
    const digest = `sha256:${encodeHex(actual)}`;
    if (version.startsWith("sha256:") && digest !== version) {
      throw wrongDigest("manifest", actual, version);
    }
    return { bytes, digest };
  }

  /** Opens a blob; what is read of it is not held to its digest here. */
  openBlob({ digest, size }: Descriptor): HttpSource {
    const url = this.#url(`blobs/${digest}`);
    return HttpSource.known(url, size, this.#options);
  }

  /** Stores a manifest under a tag or its digest. */
  async writeManifest(
    version: string,
    mediaType: string,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    await withPatience(this.#options, async () => {
      await using _ = await this.#request(`manifests/${version}`, {
        method: "PUT",
        headers: { "Content-Type": mediaType },
        body: bytes,
      }, [201, 200, 202]);
    });
  }

  /**
   * Sends a blob in chunks, unless the registry has it already, in this
   * repository or in one that it can be mounted from. Where a chunk gets lost,
   * the registry is asked how far it got.
   */
  async writeBlob(
    upload: Upload,
    others: readonly string[] = [],
  ): Promise<UploadOutcome> {
    const patience = new Patience(this.#options);
    for (;;) {
      try {
        if (await this.#hasBlob(upload.digest)) return "exists";
        const place = await this.#startUpload(upload.digest, others);
        if (place === undefined) return "mounted";
        await this.#sendChunks(upload, place, patience);
        return "sent";
      } catch (error) {
        await patience.spend(error, this.#options.signal);
      }
    }
  }

  async #hasBlob(digest: string): Promise<boolean> {
    await using exchange = await this.#request(
      `blobs/${digest}`,
      { method: "HEAD" },
      [200, 404],
    );
    return exchange.response.status === 200;
  }

  /** Where to send a blob; `undefined` when that is not needed any more. */
  async #startUpload(
    digest: string,
    others: readonly string[],
  ): Promise<UploadPlace | undefined> {
    for (const from of [...others, undefined]) {
      const query = from === undefined
        ? ""
        : `?${new URLSearchParams({ mount: digest, from })}`;
      await using exchange = await this.#request(
        `blobs/uploads/${query}`,
        { method: "POST" },
        // A repository that does not exist is one without the blob.
        from === undefined ? [202] : [201, 202, 401, 403, 404],
      );
      const { status } = exchange.response;
      if (status === 201) return undefined;
      if (status !== 202) continue;
      const place = this.#placeOf(exchange);
      if (from === others.at(-1)) return place;
      // An upload that nobody uses would wait there for a week.
      await using _ = await this.#request(place.url, { method: "DELETE" }, []);
    }
    throw this.#problem("it takes no uploads");
  }

  async #sendChunks(
    upload: Upload,
    start: UploadPlace,
    patience: Patience,
  ): Promise<void> {
    const { size, digest } = upload;
    let { url } = start;
    const { chunkSize } = start;
    let at = 0;
    let isLost = false;
    // What fits into one chunk needs no second request.
    while (size > chunkSize && at < size) {
      try {
        if (isLost) {
          await using exchange = await this.#request(url, {}, [204, 404]);
          if (exchange.response.status === 404) throw new ForgottenUpload();
          ({ url } = this.#placeOf(exchange, url));
          at = receivedOf(exchange) ?? 0;
          isLost = false;
          continue;
        }
        const bytes = new Uint8Array(
          await upload.read(at, Math.min(chunkSize, size - at)),
        );
        await using exchange = await this.#request(url, {
          method: "PATCH",
          headers: {
            "Content-Type": "application/octet-stream",
            "Content-Range": `${at}-${at + bytes.length - 1}`,
          },
          body: bytes,
        }, [202]);
        ({ url } = this.#placeOf(exchange, url));
        const end = at + bytes.length;
        const received = receivedOf(exchange) ?? end;
        if (received <= at || received > end) {
          throw new PassingError(
            `Cannot use ${this.#reference.registry}: it says that it has ${received} bytes of an upload, expected ${end}`,
            { context: { registry: this.#reference.registry } },
          );
        }
        at = received;
        patience.reach(at);
      } catch (error) {
        if (error instanceof ForgottenUpload) throw error;
        await patience.spend(error, this.#options.signal);
        isLost = true;
      }
    }
    const end = new URL(url);
    end.searchParams.set("digest", digest);
    const body = size > chunkSize
      ? undefined
      : new Uint8Array(await upload.read(0, size));
    await using _ = await this.#request(end.href, {
      method: "PUT",
      ...(body && {
        headers: { "Content-Type": "application/octet-stream" },
        body,
      }),
    }, [201, 204]);
  }

  #placeOf({ response }: HttpExchange, before?: string): UploadPlace {
    const { headers } = response;
    const location = headers.get("location") ?? before;
    const url = location === undefined
      ? null
      : URL.parse(location, this.#origin);
    if (!this.#isSafe(url)) {
      throw this.#problem("it does not say where uploads go");
    }
    const least = Number(headers.get("oci-chunk-min-length") ?? 0);
    if (least > MAX_CHUNK_SIZE) {
      throw this.#problem(`it wants chunks of ${least} bytes`);
    }
    return { url: url.href, chunkSize: Math.max(CHUNK_SIZE, least || 0) };
  }

  /** Whether what we send there is encrypted where the registry's own address is. */
  #isSafe(url: URL | null): url is URL {
    return url?.protocol === "https:" ||
      (url?.protocol === "http:" && this.#origin.startsWith("http:"));
  }

  #url(path: string): string {
    return `${this.#origin}/v2/${this.#reference.repository}/${path}`;
  }

  /** Sends a request once; what is not among the expected answers is an error. */
  async #request(
    target: string,
    init: RequestInit,
    expected: readonly number[],
  ): Promise<HttpExchange> {
    const url = /^https?:/.test(target) ? target : this.#url(target);
    const exchange = await HttpExchange.start(url, init, this.#options);
    const { status } = exchange.response;
    if (expected.length === 0 || expected.includes(status)) return exchange;
    const says = await exchange.explanation();
    const place = `${this.#reference.registry}/${this.#reference.repository}`;
    const context = { registry: this.#reference.registry, status };
    const answer = `${status}${says && `, ${says}`}`;
    if (status === 401 || status === 403) {
      throw new PspfError(
        "io/denied",
        `Cannot use ${place}: the registry does not allow it (${answer})`,
        {
          context,
          hint:
            "Log in with a tool that writes config.json, or check what that user may do",
        },
      );
    }
    if (status === 404 && init.method === undefined) {
      throw new PspfError(
        "io/not-found",
        `Cannot read ${place}: the registry does not have it (${answer})`,
        { context, hint: "Check the name, the tag and the digest" },
      );
    }
    const message = `Cannot use ${place}: the registry answers ${answer}`;
    // An upload that the registry has forgotten begins anew.
    if (status === 404 || status === 416) {
      throw new PassingError(message, { context });
    }
    throw new PspfError("io/failed", message, { context });
  }

  #problem(problem: string): PspfError {
    const { registry } = this.#reference;
    return new PspfError("io/failed", `Cannot use ${registry}: ${problem}`, {
      context: { registry },
    });
  }

  /** Sends a request with what proves who we are, to this registry alone. */
  readonly #fetch: Fetch = async (url, init) => {
    if (new URL(url).origin !== this.#origin) {
      return await this.#send(url, init);
    }
    const used = this.#authorization;
    const response = await this.#send(url, this.#signed(init));
    if (response.status !== 401) return response;
    const challenge = response.headers.get("www-authenticate") ?? "";
    // Somebody else may have got a new token meanwhile.
    if (this.#authorization === used) {
      const next = await this.#answer(challenge, init.signal ?? undefined);
      if (next === undefined || next === used) return response;
      this.#authorization = next;
    }
    await response.body?.cancel();
    return await this.#send(url, this.#signed(init));
  };

  #signed(init: RequestInit): RequestInit {
    if (this.#authorization === undefined) return init;
    const headers = new Headers(init.headers);
    headers.set("Authorization", this.#authorization);
    return { ...init, headers };
  }

  /** What a challenge wants to see in `Authorization`. */
  async #answer(
    challenge: string,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined> {
    const { registry, repository } = this.#reference;
    const who = await this.#options.credentials?.(registry, repository);
    if (/^basic\b/i.test(challenge)) {
      return who === undefined || !("user" in who) ? undefined : basic(who);
    }
    if (!/^bearer\b/i.test(challenge)) return undefined;
    const parameters = new Map(
      challenge.matchAll(/([a-z]+)="([^"]*)"/gi).map(([, key = "", value]) =>
        [key.toLowerCase(), value ?? ""] as const
      ),
    );
    return await this.#fetchToken(parameters, who, signal);
  }

  async #fetchToken(
    parameters: ReadonlyMap<string, string>,
    who: Credentials | undefined,
    signal: AbortSignal | undefined,
  ): Promise<string> {
    const realm = URL.parse(parameters.get("realm") ?? "");
    if (!this.#isSafe(realm)) {
      throw this.#problem("it does not say where tokens come from");
    }
    const service = parameters.get("service") ?? "";
    const init: RequestInit & { headers: Record<string, string> } = {
      headers: {},
    };
    if (who !== undefined && "refreshToken" in who) {
      init.method = "POST";
      init.body = new URLSearchParams({
        grant_type: "refresh_token",
        refresh_token: who.refreshToken,
        client_id: "flavor",
        service,
        scope: this.#scopes.join(" "),
      });
    } else {
      if (service !== "") realm.searchParams.set("service", service);
      for (const scope of this.#scopes) {
        realm.searchParams.append("scope", scope);
      }
      if (who !== undefined) init.headers["Authorization"] = basic(who);
    }
    await using exchange = await HttpExchange.start(realm.href, init, {
      ...this.#options,
      fetch: this.#send,
      signal,
    });
    const { status } = exchange.response;
    if (status === 401 || status === 403) {
      throw new PspfError(
        "io/denied",
        `Cannot use ${this.#reference.registry}: it gives no token (${status})`,
        {
          context: { registry: this.#reference.registry, status },
          hint: "Log in with a tool that writes config.json",
        },
      );
    }
    const bytes = await exchange.small(MAX_TOKEN_SIZE);
    try {
      if (status !== 200) throw new TypeError(`it answers ${status}`);
      const found = JSON.parse(new TextDecoder().decode(bytes));
      const token: unknown = found.token ?? found.access_token;
      if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) {
        return `Bearer ${token}`;
      }
      throw new TypeError("there is none");
    } catch (error) {
      throw isPspfError(error)
        ? error
        : this.#problem("what it sends as a token is none");
    }
  }
}

/** An upload that the registry knows nothing of any more; it begins anew. */
class ForgottenUpload extends PassingError {
  constructor() {
    super("The registry has forgotten an upload", {});
  }
}

interface UploadPlace {
  readonly url: string;
  readonly chunkSize: number;
}

/** How many bytes of an upload have arrived; `0-0` means none. */
function receivedOf({ response }: HttpExchange): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(
    response.headers.get("range") ?? "",
  )?.[1];
  if (last === undefined) return undefined;
  return last === "0" ? 0 : Number(last) + 1;
}

function basic(
  { user, password }: { readonly user: string; readonly password: string },
): string {
  const bytes = new TextEncoder().encode(`${user}:${password}`);
  return `Basic ${encodeBase64(bytes)}`;
}

/** What came is not what its name says. */
export function wrongDigest(
  what: string,
  actual: Uint8Array,
  expected: string,
): PspfError {
  const code = what === "launcher"
    ? "verify/launcher-digest"
    : what === "slot"
    ? "verify/slot-digest"
    : "verify/metadata-digest";
  const bytes = Uint8Array.fromHex(expected.replace("sha256:", ""));
  return digestError(code, `${what} from the registry`, actual, bytes);
}
