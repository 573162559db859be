import { tempDir } from "./temp_dir.ts";

/** A real registry on this machine. */
export interface Registry extends AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  /** Where it keeps what it is given. */
  readonly storage: string;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
  /** Starts it again with what it had. */
  restart(): Promise<void>;
}

/** Options of {@linkcode startRegistry}. */
export interface StartOptions {
  /** Lines of `htpasswd`: who may come in, with bcrypt. */
  readonly htpasswd?: string;
}

/** A port that nobody uses at the moment. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts `docker-registry`, and waits until it answers. */
export async function startRegistry(
  { htpasswd }: StartOptions = {},
): Promise<Registry> {
  const dir = await tempDir();
  const port = freePort();
  const host = `127.0.0.1:${port}`;
  const users = htpasswd === undefined
    ? ""
    : await dir.write("htpasswd", htpasswd);
  const storage = dir.at("storage");
  const config = await dir.write(
    "config.yml",
    `version: 0.1
log: { level: error, accesslog: { disabled: true } }
storage:
  filesystem: { rootdirectory: ${storage} }
  delete: { enabled: true }
http: { addr: "${host}" }
${users && `auth: { htpasswd: { realm: test, path: ${users} } }`}
`,
  );
  let child: Deno.ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    child?.kill("SIGKILL");
    await child?.status;
    child = undefined;
  };
  const restart = async (): Promise<void> => {
    child = new Deno.Command("docker-registry", {
      args: ["serve", config],
      stdin: "null",
      stdout: "null",
      stderr: "null",
      env: { OTEL_TRACES_EXPORTER: "none" },
    }).spawn();
    for (let tries = 0;; tries++) {
      try {
        const response = await fetch(`http://${host}/v2/`);
        await response.body?.cancel();
        return;
      } catch (error) {
        if (tries === 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  try {
    await restart();
  } catch (error) {
    await kill();
    await dir[Symbol.asyncDispose]();
    throw error;
  }
  return {
    host,
    storage,
    kill,
    restart,
    async [Symbol.asyncDispose](): Promise<void> {
      await kill();
      await dir[Symbol.asyncDispose]();
    },
  };
}

/** Sees every request to a registry, and may answer in its place. */
export interface RegistryProxy extends AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  /** `METHOD path`, without the query. */
  readonly requests: readonly string[];
  /** Answers itself, or lets the request through. */
  fault: (
    request: Request,
    forward: (body?: BodyInit) => Promise<Response>,
  ) => Response | undefined | Promise<Response | undefined>;
}

/** Puts something between us and a registry. */
export function proxyRegistry(registry: Pick<Registry, "host">): RegistryProxy {
  const requests: string[] = [];
  const state: Pick<RegistryProxy, "fault"> = { fault: () => undefined };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, search } = new URL(request.url);
      requests.push(`${request.method} ${pathname}`);
      const forward = (
        body: BodyInit | null = request.body,
      ): Promise<Response> => {
        const headers = new Headers(request.headers);
        headers.set("x-forwarded-host", `127.0.0.1:${server.addr.port}`);
        headers.delete("authorization");
        if (body !== request.body) headers.delete("content-length");
        return fetch(`http://${registry.host}${pathname}${search}`, {
          method: request.method,
          headers,
          body,
          redirect: "manual",
        });
      };
      try {
        return await state.fault(request, forward) ?? await forward();
      } catch {
        // As a gateway says it when there is nobody behind it.
        return new Response(null, { status: 502 });
      }
    },
  );
  return Object.assign(state, {
    host: `127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}
