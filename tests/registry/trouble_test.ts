/** Registries that die, lie and fill up: nothing is left half-written. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { createHash } from "node:crypto";
import {
  canMount,
  inMountNamespace,
} from "../launcher/support/mount_namespace.ts";
import {
  proxyRegistry,
  type Registry,
  startRegistry,
} from "../support/registry.ts";
import { makeProject } from "./project.ts";

const CLI: readonly string[] = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--allow-all",
  "--config",
  fromFileUrl(new URL("../../deno.json", import.meta.url)),
  fromFileUrl(new URL("../../cli.ts", import.meta.url)),
];

/** Every blob that a registry has, as files. */
async function* blobFiles(registry: Registry): AsyncGenerator<string> {
  const root = join(registry.storage, "docker/registry/v2/blobs/sha256");
  for await (const { name: two } of Deno.readDir(root)) {
    for await (const { name } of Deno.readDir(join(root, two))) {
      yield join(root, two, name, "data");
    }
  }
}

Deno.test("an upload that is cut goes on where the registry got to", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 30_000_000);
  await using proxy = proxyRegistry(registry);
  const starts: number[] = [];
  let known: Headers | undefined;
  proxy.fault = async (request, forward) => {
    if (request.method === "GET" && known !== undefined) {
      return new Response(null, { status: 204, headers: known });
    }
    if (request.method !== "PATCH") return;
    const range = request.headers.get("content-range") ?? "";
    starts.push(Number(range.split("-")[0]));
    const body = await request.bytes();
    known = undefined;
    // All of the second chunk gets lost, and some of the next one; of the one
    // after it only the answer.
    if (starts.length === 2) return new Response(null, { status: 502 });
    const kept = starts.length === 3 ? body.slice(0, 3_000_000) : body;
    const answer = await forward(kept);
    if (starts.length !== 3 && starts.length !== 4) return answer;
    known = new Headers({
      location: answer.headers.get("location") ?? "",
      range: answer.headers.get("range") ?? "",
    });
    return new Response(null, { status: 502 });
  };
  await project.json("push", "app.psp", `${proxy.host}/team/app:1`);
  const chunk = 8 * 1024 * 1024;
  assertEquals(starts, [
    0,
    chunk,
    chunk,
    chunk + 3_000_000,
    2 * chunk + 3_000_000,
    3 * chunk + 3_000_000,
  ]);
  await project.json("pull", `${registry.host}/team/app:1`, "-o", "back");
  assertEquals(await project.same("app.psp", "back"), true);
});

Deno.test("an upload that the registry has forgotten begins anew", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 20_000_000);
  await using proxy = proxyRegistry(registry);
  const starts: number[] = [];
  proxy.fault = async (request, forward) => {
    if (request.method !== "PATCH") return;
    const range = request.headers.get("content-range") ?? "";
    starts.push(Number(range.split("-")[0]));
    const body = await request.bytes();
    if (starts.length !== 2) return await forward(body);
    // This registry gives an upload up that did not end where it was told.
    await forward(body.slice(0, 3_000_000));
    return new Response(null, { status: 502 });
  };
  await project.json("push", "app.psp", `${proxy.host}/team/app:1`);
  const chunk = 8 * 1024 * 1024;
  assertEquals(starts, [0, chunk, 0, chunk, 2 * chunk]);
  await project.json("pull", `${registry.host}/team/app:1`, "-o", "back");
  assertEquals(await project.same("app.psp", "back"), true);
});

Deno.test("an upload that gets nowhere ends", async (t) => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 20_000_000);
  await using proxy = proxyRegistry(registry);
  let patches = 0;
  const nowhere: Readonly<Record<string, typeof proxy.fault>> = {
    "that takes nothing": async (request, forward) => {
      if (request.method === "GET") {
        return new Response(null, { status: 204, headers: { range: "0-0" } });
      }
      if (request.method !== "PATCH") return;
      patches++;
      const answer = await forward(await request.bytes());
      const headers = new Headers(answer.headers);
      headers.set("range", "0-0");
      return new Response(null, { status: 202, headers });
    },
    "that is forgotten after each chunk": async (request, forward) => {
      if (request.method === "GET") return new Response(null, { status: 404 });
      if (request.method !== "PATCH") return;
      const body = await request.bytes();
      if (++patches % 2 === 0) return new Response(null, { status: 502 });
      return await forward(body);
    },
  };
  for (const [name, fault] of Object.entries(nowhere)) {
    await t.step(name, async () => {
      patches = 0;
      proxy.fault = fault;
      const says = await project.fails(
        "push",
        "app.psp",
        `${proxy.host}/a/b:1`,
      );
      assertStringIncludes(says, "io/failed");
      assert(patches <= 10, `${patches} chunks sent`);
    });
  }
});

Deno.test("a registry that is killed and comes back ends neither push nor pull", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 30_000_000);
  await using proxy = proxyRegistry(registry);
  let isDue = true;
  proxy.fault = async (request) => {
    const isMiddle = request.method === "PATCH" &&
      request.headers.get("content-range")?.startsWith("0-") === false;
    if (!isMiddle || !isDue) return;
    isDue = false;
    await registry.kill();
    setTimeout(() => registry.restart(), 100);
    return new Response(null, { status: 502 });
  };
  await project.json("push", "app.psp", `${proxy.host}/team/app:1`);
  assertEquals(isDue, false);

  isDue = true;
  proxy.fault = async (request, forward) => {
    const { pathname } = new URL(request.url);
    if (!pathname.includes("/blobs/") || !isDue) return;
    const response = await forward();
    const size = Number(response.headers.get("content-length"));
    if (size < 20_000_000) return response;
    isDue = false;
    let seen = 0;
    const body = response.body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        async transform(part, controller): Promise<void> {
          seen += part.length;
          controller.enqueue(part);
          if (seen < 10_000_000 || seen - part.length >= 10_000_000) return;
          await registry.kill();
          setTimeout(() => registry.restart(), 100);
        },
      }),
    );
    return new Response(body, response);
  };
  await project.json("pull", `${proxy.host}/team/app:1`, "-o", "back");
  assertEquals(isDue, false);
  assertEquals(await project.same("app.psp", "back"), true);
});

Deno.test("a registry that stays away leaves nothing half-written", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 30_000_000);
  await project.json("push", "app.psp", `${registry.host}/team/app:1`);
  await using proxy = proxyRegistry(registry);
  const names = project.names();
  proxy.fault = async (request) => {
    if (request.url.includes("/blobs/")) await registry.kill();
    return undefined;
  };
  const at = `${proxy.host}/team/app:1`;
  assertStringIncludes(
    await project.fails("pull", at, "-o", "back"),
    "io/failed",
  );
  assertEquals(project.names(), names);

  await registry.restart();
  await project.pack("two.psp", "two", 30_000_000);
  proxy.fault = async (request) => {
    if (request.method === "PUT" && request.url.includes("/blobs/")) {
      await registry.kill();
    }
    return undefined;
  };
  assertStringIncludes(
    await project.fails("push", "two.psp", `${proxy.host}/team/app:2`),
    "io/failed",
  );
  // The name comes last: without all of it there is none.
  await registry.restart();
  assertStringIncludes(
    await project.fails("pull", `${registry.host}/team/app:2`, "-o", "back"),
    "io/not-found",
  );
});

Deno.test("what does not have its digest is refused", async (t) => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 1_000_000);
  const at = `${registry.host}/team/app:1`;
  const { digest } = await project.json("push", "app.psp", at);
  for await (const path of blobFiles(registry)) {
    const bytes = await Deno.readFile(path);
    const isManifest = bytes[0] === 0x7b && bytes[1] === 0x22;
    const isConfig = bytes[0] === 0x7b && !isManifest;
    const changed = bytes.slice();
    changed[40] = (changed[40] ?? 0) ^ 1;
    await t.step(`${bytes.length} bytes`, async () => {
      await Deno.writeFile(path, changed);
      try {
        const reference = `${registry.host}/team/app@${digest}`;
        // Neither the metadata beside the package nor the tail in the manifest
        // are what is put together.
        if (isConfig) {
          await project.json("pull", reference, "-o", "back", "-f");
          await Deno.remove(project.dir.at("back"));
        } else {
          const says = await project.fails("pull", reference, "-o", "back");
          assert(/^(verify\/|io\/failed)/.test(says), says);
        }
        assert(!project.names().includes("back"));
      } finally {
        await Deno.writeFile(path, bytes);
      }
    });
  }
});

if (await canMount()) {
  Deno.test("a full disk stops a pull, and leaves nothing", async () => {
    await using registry = await startRegistry();
    await using project = await makeProject();
    await project.pack("app.psp", "one", 30_000_000);
    const at = `${registry.host}/team/app:1`;
    await project.json("push", "app.psp", at);
    const disk = project.dir.at("disk");
    await Deno.mkdir(disk);
    const script = `
      mount -t tmpfs -o size=8m tmpfs "$1"
      shift
      "$@" && exit 99; code=$?
      ls -A ${disk} | grep . && exit 98
      exit $code`;
    const [program = "", ...args] = inMountNamespace(
      script,
      disk,
      ...CLI,
      "pull",
      at,
      "-o",
      `${disk}/back`,
      "--json",
    );
    const { code, stderr } = await new Deno.Command(program, { args }).output();
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 5, text);
    assertStringIncludes(text, "io/no-space");
  });
}

Deno.test("a hundred pulls at once are all right", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 40_000_000);
  const at = `${registry.host}/team/app:1`;
  await project.json("push", "app.psp", at);
  const before = project.names();
  const expected = await digestOf(project.dir.at("app.psp"));
  await Promise.all(Array.from({ length: 100 }, async (_, i) => {
    const name = `back-${i}`;
    const { code, err } = await project.flavor(["pull", at, "-o", name]);
    assertEquals(code, 0, err);
    assertEquals(await digestOf(project.dir.at(name)), expected);
    await Deno.remove(project.dir.at(name));
  }));
  assertEquals(project.names(), before);
});

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  using file = await Deno.open(path);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}
