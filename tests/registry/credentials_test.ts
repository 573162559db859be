/** Who we are to a registry: config.json, helpers, and tokens. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { findCredentialsOn } from "../../lib/registry/credentials.ts";
import { RegistryClient } from "../../lib/registry/registry_client.ts";
import { parseReference } from "../../lib/registry/reference.ts";
import { capturedHost } from "../support/captured_host.ts";
import { proxyRegistry, startRegistry } from "../support/registry.ts";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { makeProject } from "./project.ts";

const AUTH = btoa("me:s3cret");
/** `me` with the password `s3cret`. */
const HTPASSWD =
  "me:$2b$04$qR/rFXqbujsNL4aCR.oHdegS7T64TJbbXxENXNiSYuRwuwktlHh.u\n";

Deno.test("credentials are found where other tools keep them", async (t) => {
  await using dir = await tempDir();
  const find = async (
    config: unknown,
    env: Record<string, string> = { DOCKER_CONFIG: dir.path },
    repository = "team/app",
    helper: (program: string, input: string) => string = () => "",
  ) => {
    await dir.write(
      "config.json",
      typeof config === "string" ? config : JSON.stringify(config),
    );
    const host = capturedHost({ cwd: dir.path, env });
    return await findCredentialsOn({
      ...host,
      processes: {
        ...host.processes,
        capture: ({ program, args, input = "" }) => {
          assertEquals(args, ["get"]);
          const text = helper(program, input);
          return Promise.resolve({
            code: text.startsWith("{") ? 0 : 1,
            stdout: new TextEncoder().encode(text),
            stderr: new Uint8Array(),
          });
        },
      },
    })("reg:5000", repository);
  };
  const me = { user: "me", password: "s3cret" };
  const entry = { auth: AUTH };
  const docker = { DOCKER_CONFIG: dir.path };

  await t.step("by host, by URL, by repository", async () => {
    for (
      const key of [
        "reg:5000",
        "https://reg:5000",
        "http://reg:5000/v2/",
        "https://reg:5000/v1/",
        "reg:5000/team",
        "reg:5000/team/app",
      ]
    ) assertEquals(await find({ auths: { [key]: entry } }), me, key);
    for (
      const key of ["reg", "reg:5001", "reg:5000/tea", "reg:5000/team/app/x"]
    ) {
      assertEquals(await find({ auths: { [key]: entry } }), undefined, key);
    }
    const nearest = {
      "reg:5000": { auth: btoa("a:b") },
      "reg:5000/team": entry,
    };
    assertEquals(await find({ auths: nearest }), me);
    const token = { "reg:5000": { identitytoken: "t" } };
    assertEquals(await find({ auths: token }), { refreshToken: "t" });
    assertEquals(await find({ auths: { "reg:5000": {} } }), undefined);
    assertEquals(await find({}), undefined);
  });
  await t.step("in the places that are usual", async () => {
    const auths = { auths: { "reg:5000": entry } };
    const file = dir.at("config.json");
    assertEquals(await find(auths, { REGISTRY_AUTH_FILE: file }), me);
    await dir.write("home/.docker/config.json", JSON.stringify(auths));
    assertEquals(await find({}, { HOME: dir.at("home") }), me);
    await dir.write("run/containers/auth.json", JSON.stringify(auths));
    const run = { ...docker, XDG_RUNTIME_DIR: dir.at("run") };
    assertEquals(await find({}, run), me);
    assertEquals(await find({}, { HOME: dir.at("nowhere") }), undefined);
  });
  await t.step("with helpers", async () => {
    const asked: string[] = [];
    const helper = (program: string, input: string): string => {
      asked.push(`${program} ${input}`);
      return '{"ServerURL":"x","Username":"me","Secret":"s3cret"}';
    };
    const own = { credHelpers: { "reg:5000": "own" }, credsStore: "all" };
    assertEquals(await find(own, docker, "a", helper), me);
    assertEquals(await find({ credsStore: "all" }, docker, "a", helper), me);
    assertEquals(asked, [
      "docker-credential-own reg:5000",
      "docker-credential-all reg:5000",
    ]);
    const identity = () => '{"Username":"<token>","Secret":"t"}';
    assertEquals(
      await find({ credsStore: "all" }, docker, "a", identity),
      { refreshToken: "t" },
    );
    const none = () => "credentials not found in native keychain\n";
    assertEquals(
      await find(
        { credsStore: "all", auths: { "reg:5000": entry } },
        docker,
        "a",
        none,
      ),
      me,
    );
    for (const text of ["", "{}", '{"Username":1,"Secret":2}']) {
      await rejectsCode(
        "run/cannot-execute",
        () => find({ credsStore: "all" }, docker, "a", () => text),
      );
    }
    await rejectsCode(
      "run/cannot-execute",
      () => find({ credsStore: "../evil" }, docker, "a", identity),
    );
  });
  await t.step("or not, and that is said", async () => {
    await rejectsCode("io/failed", () => find("no JSON"));
    for (const auth of ["%%%", btoa("nocolon"), btoa(":x")]) {
      await rejectsCode(
        "io/failed",
        () => find({ auths: { "reg:5000": { auth } } }),
      );
    }
  });
});

Deno.test("a registry with passwords lets those in who have one", async () => {
  await using registry = await startRegistry({ htpasswd: HTPASSWD });
  await using project = await makeProject();
  await project.pack("app.psp", "one");
  const at = `${registry.host}/team/app:1`;
  assertStringIncludes(await project.fails("push", "app.psp", at), "io/denied");

  // A real helper, found in PATH by a real process.
  await project.dir.write(
    "bin/docker-credential-test",
    `#!/bin/sh
[ "$1" = get ] && [ "$(cat)" = "${registry.host}" ] || exit 1
echo '{"Username":"me","Secret":"s3cret"}'
`,
    0o755,
  );
  await project.dir.write("helper/config.json", '{"credsStore":"test"}');
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--allow-all",
      "--config",
      fromFileUrl(new URL("../../deno.json", import.meta.url)),
      new URL("../../cli.ts", import.meta.url).href,
      "push",
      "app.psp",
      at,
    ],
    cwd: project.dir.path,
    env: {
      DOCKER_CONFIG: project.dir.at("helper"),
      PATH: `${project.dir.at("bin")}:${Deno.env.get("PATH")}`,
    },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));

  // A program that uses the library is the same user, where it may look.
  const root = fromFileUrl(new URL("../../", import.meta.url));
  await project.dir.write(
    "look.ts",
    `import { inspectPackage } from "${root}mod.ts";
const say = ({ package: { name } }) => name;
console.log(await inspectPackage("oci://${at}").then(say, ({ code }) => code));
`,
  );
  for (
    const [permission, says] of [["all", "demo"], ["net", "io/denied"]] as const
  ) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--no-prompt",
        `--config=${root}deno.json`,
        `--allow-${permission}`,
        project.dir.at("look.ts"),
      ],
      env: {
        DOCKER_CONFIG: project.dir.at("helper"),
        PATH: `${project.dir.at("bin")}:${Deno.env.get("PATH")}`,
      },
    }).output();
    assertEquals(new TextDecoder().decode(stdout).trim(), says);
  }

  const auths = { [registry.host]: { auth: AUTH } };
  await project.dir.write("docker/config.json", JSON.stringify({ auths }));
  const env = { DOCKER_CONFIG: project.dir.at("docker") };
  const pulled = await project.flavor(["pull", at, "-o", "back"], { env });
  assertEquals(pulled.code, 0, pulled.err);
  assertEquals(await project.same("back", "app.psp"), true);

  const wrong = { [registry.host]: { auth: btoa("me:wrong") } };
  await project.dir.write(
    "docker/config.json",
    JSON.stringify({ auths: wrong }),
  );
  const refused = await project.flavor(["inspect", `oci://${at}`], { env });
  assertEquals(refused.code, 5);
  assertStringIncludes(refused.err, "io/denied");
  assert(!refused.err.includes("wrong"));
});

Deno.test("tokens are fetched, used for the registry alone, and fetched anew", async (t) => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 20_000_000);
  await project.json("push", "app.psp", `${registry.host}/team/app:1`);

  let issued = 0;
  let valid = "";
  const asked: string[] = [];
  const seen: (string | null)[] = [];
  await using tokens = serve(async (request) => {
    const url = new URL(request.url);
    seen.push(request.headers.get("authorization"));
    asked.push(
      request.method === "POST"
        ? await request.text()
        : url.searchParams.toString(),
    );
    valid = `token-${++issued}`;
    return Response.json({ access_token: valid, expires_in: 60 });
  });
  await using proxy = proxyRegistry(registry);
  let uses = Infinity;
  const challenge = new Headers({
    "www-authenticate":
      `Bearer realm="${tokens.url}/token",service="the service",scope="whatever"`,
  });
  proxy.fault = (request) => {
    const sent = request.headers.get("authorization");
    if (sent === `Bearer ${valid}` && valid !== "" && uses-- > 0) return;
    request.body?.cancel();
    uses = 3;
    return new Response(null, { status: 401, headers: challenge });
  };
  const at = `${proxy.host}/team/app:1`;
  const auths = { [proxy.host]: { auth: AUTH } };
  await project.dir.write("docker/config.json", JSON.stringify({ auths }));
  const env = { DOCKER_CONFIG: project.dir.at("docker") };

  await t.step("for pulling", async () => {
    const { code, err } = await project.flavor(["pull", at, "-o", "b"], {
      env,
    });
    assertEquals(code, 0, err);
    assertEquals(await project.same("b", "app.psp"), true);
    const query = new URLSearchParams(asked[0]);
    assertEquals(query.get("service"), "the service");
    assertEquals(query.get("scope"), "repository:team/app:pull");
    assertEquals(seen[0], `Basic ${AUTH}`);
    assert(issued >= 2, "a token that has expired is replaced");
  });
  await t.step("for pushing, and mounting", async () => {
    valid = "";
    asked.length = 0;
    const { code, err } = await project.flavor(
      [
        "push",
        "app.psp",
        `${proxy.host}/new/app:1`,
        "--mount-from",
        "team/app",
      ],
      { env },
    );
    assertEquals(code, 0, err);
    assertEquals(new URLSearchParams(asked[0]).getAll("scope"), [
      "repository:new/app:pull,push",
      "repository:team/app:pull",
    ]);
  });
  await t.step("with a refresh token", async () => {
    valid = "";
    asked.length = 0;
    seen.length = 0;
    const identity = { [proxy.host]: { identitytoken: "refresh me" } };
    await project.dir.write(
      "docker/config.json",
      JSON.stringify({ auths: identity }),
    );
    const { code, err } = await project.flavor(["inspect", `oci://${at}`], {
      env,
    });
    assertEquals(code, 0, err);
    const form = new URLSearchParams(asked[0]);
    assertEquals(form.get("grant_type"), "refresh_token");
    assertEquals(form.get("refresh_token"), "refresh me");
    assertEquals(seen[0], null);
  });
  await t.step("that are wrong are refused, once", async () => {
    proxy.fault = () => new Response(null, { status: 401, headers: challenge });
    const before = issued;
    const { code, err } = await project.flavor(["inspect", `oci://${at}`], {
      env,
    });
    assertEquals(code, 5);
    assertStringIncludes(err, "io/denied");
    assertEquals(issued, before + 1);
  });
  await t.step("that are no tokens are not sent", async () => {
    for (
      const answer of [
        () => new Response("no"),
        () => Response.json({}),
        () => Response.json({ token: "two\nlines" }),
        () => new Response(null, { status: 403 }),
        () => new Response(new Uint8Array(1_000_000)),
      ]
    ) {
      tokens.answer = answer;
      const { code } = await project.flavor(["inspect", `oci://${at}`], {
        env,
      });
      assertEquals(code, 5);
    }
  });
});

Deno.test("what proves who we are is not sent to where blobs are kept", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one");
  await project.json("push", "app.psp", `${registry.host}/team/app:1`);
  const seen: (string | null)[] = [];
  await using storage = serve(async (request) => {
    seen.push(request.headers.get("authorization"));
    const { pathname } = new URL(request.url);
    const headers = new Headers(request.headers);
    return await fetch(`http://${registry.host}${pathname}`, { headers });
  });
  await using proxy = proxyRegistry(registry);
  const sent: (string | null)[] = [];
  proxy.fault = (request) => {
    const { pathname } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    if (authorization === null) {
      return new Response(null, {
        status: 401,
        headers: { "www-authenticate": 'Basic realm="x"' },
      });
    }
    sent.push(authorization);
    if (!pathname.includes("/blobs/")) return;
    return Response.redirect(`${storage.url}${pathname}`, 307);
  };
  const auths = { [proxy.host]: { auth: AUTH } };
  await project.dir.write("docker/config.json", JSON.stringify({ auths }));
  const { code, err } = await project.flavor(
    ["pull", `${proxy.host}/team/app:1`, "-o", "back"],
    { env: { DOCKER_CONFIG: project.dir.at("docker") } },
  );
  assertEquals(code, 0, err);
  assertEquals(await project.same("back", "app.psp"), true);
  assertEquals(new Set(sent), new Set([`Basic ${AUTH}`]));
  assert(seen.length > 0);
  assertEquals(new Set(seen), new Set([null]));
});

Deno.test("other machines are spoken to in secret, unless that is waived", async () => {
  const asked: string[] = [];
  const read = async (registry: string, plainHttp?: boolean) => {
    const reference = parseReference(`${registry}/app:1`);
    await new RegistryClient(reference, "pull", {
      plainHttp,
      fetch: (url) => {
        asked.push(url);
        return Promise.resolve(new Response("{}"));
      },
    }).readManifest("1", []);
  };
  await read("registry.test");
  await read("registry.test:5000", true);
  for (const host of ["localhost:5000", "127.0.0.1", "[::1]:5000"]) {
    await read(host);
  }
  await read("127.0.0.1.registry.test");
  await read("localhost.registry.test");
  assertEquals(asked.map((url) => url.replace("/v2/app/manifests/1", "")), [
    "https://registry.test",
    "http://registry.test:5000",
    "http://localhost:5000",
    "http://127.0.0.1",
    "http://[::1]:5000",
    "https://127.0.0.1.registry.test",
    "https://localhost.registry.test",
  ]);
  const client = new RegistryClient(
    parseReference("registry.test/app"),
    "pull",
    {
      fetch: (url) =>
        Promise.resolve(
          url.includes("registry.test")
            ? new Response(null, {
              status: 401,
              headers: {
                "www-authenticate": 'Bearer realm="http://other.test"',
              },
            })
            : new Response("never"),
        ),
    },
  );
  const error = await rejectsCode(
    "io/failed",
    () => client.readManifest("1", []),
  );
  assertStringIncludes(error.message, "where tokens come from");
  const pushing = new RegistryClient(
    parseReference("registry.test/app"),
    "pull,push",
    {
      fetch: (url, { method }) =>
        Promise.resolve(
          method === "HEAD"
            ? new Response(null, { status: 404 })
            : new Response(null, {
              status: 202,
              headers: { location: url.replace("https:", "http:") },
            }),
        ),
    },
  );
  const upload = await rejectsCode("io/failed", () =>
    pushing.writeBlob({
      digest: `sha256:${"0".repeat(64)}`,
      size: 1,
      read: () => Promise.resolve(new Uint8Array(1)),
    }));
  assertStringIncludes(upload.message, "where uploads go");
});

interface Answering extends AsyncDisposable {
  readonly url: string;
  answer: (request: Request) => Response | Promise<Response>;
}

function serve(answer: Answering["answer"]): Answering {
  const state = { answer };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => state.answer(request),
  );
  return Object.assign(state, {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  });
}
