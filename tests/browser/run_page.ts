/** Where a page gets things, by path. */
export type Routes = Readonly<
  Record<string, { readonly type: string; readonly body: BodyInit }>
>;

/** Names under which systems install Chromium. */
const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];

export const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
] as const;

/** A browser that does not answer would hold up the tests for ever. */
const GIVE_UP_MS = 120_000;

const REMOVAL_ATTEMPTS = 100;

/**
 * Opens a page in a headless Chromium, and waits until it posts to `/report`.
 *
 * @param routes What the server has; the page itself is `/`.
 * @returns What the page posted, parsed.
 */
export async function runPage(routes: Routes): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (request.method === "POST") {
        const posted: unknown = await request.json();
        if (pathname === "/report") resolve(posted);
        else reject(new Error(`the page failed: ${posted}`));
        return new Response();
      }
      const route = routes[pathname];
      if (route === undefined) return new Response(null, { status: 404 });
      return new Response(route.body, {
        headers: { "content-type": route.type },
      });
    },
  );
  const profile = await Deno.makeTempDir({ prefix: "flavor-browser-" });
  try {
    const page = `http://127.0.0.1:${server.addr.port}/`;
    await using _browser = await startBrowser(profile, page, reject);
    return await promise;
  } finally {
    await removeProfile(profile);
  }
}

/** The browser's helpers outlive it by a moment, and write to the last. */
export async function removeProfile(profile: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return await Deno.remove(profile, { recursive: true });
    } catch (error) {
      if (attempt === REMOVAL_ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function startBrowser(
  profile: string,
  page: string,
  fail: (reason: Error) => void,
): Promise<AsyncDisposable> {
  const child = new Deno.Command(await findBrowser(), {
    args: [...FLAGS, `--user-data-dir=${profile}`, page],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    env: { HOME: profile },
  }).spawn();
  const timer = setTimeout(
    () => fail(new Error("the browser does not answer")),
    GIVE_UP_MS,
  );
  child.status.then(({ code }) =>
    fail(new Error(`the browser ended with code ${code}`))
  );
  return {
    async [Symbol.asyncDispose](): Promise<void> {
      clearTimeout(timer);
      try {
        child.kill("SIGTERM");
      } catch {
        // It ended by itself.
      }
      await child.status;
    },
  };
}

export async function findBrowser(): Promise<string> {
  for (const program of PROGRAMS) {
    try {
      const { success } = await new Deno.Command(program, {
        args: ["--version"],
        stdout: "null",
        stderr: "null",
      }).output();
      if (success) return program;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  throw new Error(
    "the browser tests need Chromium; install it with: scripts/prerequisites test",
  );
}
