/** Packages go to a real registry and come back, also by way of a foreign client. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { inspectPackage, verifyPackage } from "@flavor/pspf";
import type { Host } from "../../lib/host/types.ts";
import { BytesSource } from "@flavor/pspf/io";
import { EXECUTABLE_HEADER_SIZE } from "../../lib/format/platform_signature.ts";
import { buildInMemory, planOf } from "../pack/build_in_memory.ts";
import { serveBytes } from "../support/http_server.ts";
import { launcherLike, signForWindows } from "../support/platform_signed.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { proxyRegistry, startRegistry } from "../support/registry.ts";
import { type Json, makeProject } from "./project.ts";

/** What became of each piece. */
function outcomes({ packages }: Json): Record<string, string> {
  return Object.fromEntries(
    packages[0].pieces.map((
      { kind, id, outcome }: Json,
    ) => [id ?? kind, outcome]),
  );
}

Deno.test("a package is pushed once, and pulled byte for byte", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("one.psp", "one");
  await project.pack("two.psp", "two");
  const at = `${registry.host}/team/app`;

  const first = await project.json("push", "one.psp", `${at}:1`);
  assertEquals(new Set(Object.values(outcomes(first))), new Set(["sent"]));
  // The same package has the same manifest, and nothing to send.
  const again = await project.json("push", "one.psp", `oci://${at}:latest`);
  assertEquals(again.digest, first.digest);
  assertEquals(new Set(Object.values(outcomes(again))), new Set(["exists"]));
  // Of a new version only what changed is sent.
  const next = await project.json("push", "two.psp", `${at}:2`);
  assertEquals(outcomes(next), {
    launcher: "exists",
    runtime: "exists",
    program: "sent",
    tail: "sent",
    metadata: "sent",
  });
  // Another repository of the registry has most of it already.
  const other = await project.json(
    "push",
    "two.psp",
    `${registry.host}/else/where:2`,
    "--mount-from",
    "no/such",
    "--mount-from",
    at,
  );
  assertEquals(new Set(Object.values(outcomes(other))), new Set(["mounted"]));

  for (
    const [reference, file] of [
      [`${at}:1`, "one.psp"],
      [at, "one.psp"],
      [`${at}@${first.digest}`, "one.psp"],
      [`${at}:1@${next.digest}`, "two.psp"],
      [`oci://${registry.host}/else/where:2`, "two.psp"],
    ] as const
  ) {
    const { size } = await project.json("pull", reference, "-o", "back", "-f");
    assertEquals(await project.same("back", file), true, reference);
    assertEquals(size, (await Deno.stat(project.dir.at(file))).size);
    const { mode } = await Deno.stat(project.dir.at("back"));
    assertEquals((mode ?? 0) & 0o777, 0o755);
  }
  // The default name is the last word of the repository.
  assertEquals((await project.json("pull", `${at}:1`)).package, "app.psp");
  assertStringIncludes(await project.fails("pull", `${at}:1`), "io/exists");
});

Deno.test("a foreign client copies packages between registries", async () => {
  await using from = await startRegistry();
  await using to = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one");
  await project.pack("arm.psp", "one", undefined, 183);
  await project.json("push", "app.psp", `${from.host}/team/app:1`);
  await project.json("push", "app.psp", "arm.psp", `${from.host}/team/app:all`);

  const manifest = JSON.parse(
    await skopeo("inspect", "--raw", `docker://${from.host}/team/app:1`),
  );
  assertEquals(
    manifest.artifactType,
    "application/vnd.flavor.pspf.package.v1",
  );
  const kinds = manifest.layers.map(({ mediaType }: { mediaType: string }) =>
    mediaType.split(".").at(-2)
  );
  assertEquals(kinds, ["launcher", "slot", "slot", "tail"]);
  // The config is the signed metadata itself.
  const { package: info, slots } = JSON.parse(
    await skopeo(
      "inspect",
      "--config",
      "--raw",
      `docker://${from.host}/team/app:1`,
    ),
  );
  assertEquals(info.name, "demo");
  assertEquals(slots[0].checksum, manifest.layers[1].digest);

  for (const [tag, all] of [["1", []], ["all", ["--all"]]] as const) {
    await skopeo(
      "copy",
      ...all,
      `docker://${from.host}/team/app:${tag}`,
      `docker://${to.host}/copy/of/app:${tag}`,
    );
    const back = `${tag}.psp`;
    const reference = `${to.host}/copy/of/app:${tag}`;
    await project.json("pull", reference, "-o", back);
    assertEquals(await project.same(back, "app.psp"), true);
  }
});

async function skopeo(...args: readonly string[]): Promise<string> {
  const [command = "", ...rest] = args;
  const tls = command === "copy"
    ? ["--src-tls-verify=false", "--dest-tls-verify=false"]
    : ["--tls-verify=false"];
  const { code, stdout, stderr } = await new Deno.Command("skopeo", {
    args: [command, ...tls, ...rest],
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("several platforms have one name", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("amd.psp", "one");
  await project.pack("arm.psp", "one", undefined, 183);
  const at = `${registry.host}/team/app:1`;
  const { packages } = await project.json("push", "amd.psp", "arm.psp", at);
  assertEquals(
    packages.map(({ platform }: { platform: string }) => platform),
    ["linux_amd64", "linux_arm64"],
  );
  const on = (platform: string) => ({
    change: (host: Host): Host => ({
      ...host,
      machine: { ...host.machine, platform },
    }),
  });
  const pulls = [
    ["linux_amd64", [], "amd.psp"],
    ["linux_arm64", [], "arm.psp"],
    ["linux_amd64", ["--target", "linux_arm64"], "arm.psp"],
  ] as const;
  for (const [platform, flags, file] of pulls) {
    const { code, err } = await project.flavor(
      ["pull", at, ...flags, "-o", "back", "--force"],
      on(platform),
    );
    assertEquals(code, 0, err);
    assertEquals(await project.same("back", file), true);
  }
  const { code, err } = await project.flavor(
    ["inspect", `oci://${at}`],
    on("windows_amd64"),
  );
  assertEquals(code, 5);
  assertStringIncludes(err, "it has no package for windows_amd64");
  assertStringIncludes(err, packages[1].digest);

  assertStringIncludes(
    await project.fails("push", "amd.psp", "amd.psp", at),
    "there is another one for linux_amd64",
  );
});

Deno.test("a package is looked at by its manifest alone", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one", 3_000_000);
  await project.json("push", "app.psp", `${registry.host}/team/app:1`);
  await using proxy = proxyRegistry(registry);
  const at = `oci://${proxy.host}/team/app:1`;

  const summary = await project.json("inspect", at);
  assertEquals(summary.package_metadata.name, "demo");
  assertEquals(proxy.requests, ["GET /v2/team/app/manifests/1"]);
  const { valid } = await project.json("verify", at, "--level", "none");
  assertEquals(valid, true);
  assertEquals(proxy.requests.length, 2);

  // All of it is there when it is asked for, in the library too.
  assertEquals((await project.json("verify", at)).valid, true);
  assertEquals((await verifyPackage(new URL(at))).valid, true);
  assertEquals((await inspectPackage(at)).sealed, true);
  const { same } = await project.json("diff", at, "app.psp");
  assertEquals(same, true);
  await project.json("extract-all", at, "out");
  const { size } = await Deno.stat(project.dir.at("out/runtime/bin"));
  assertEquals(size, 3_000_000);
  await project.json("extract", at, "0", "bin", "--file", "runtime/bin");
  assertEquals(await project.same("bin", "runtime/bin"), true);
});

Deno.test("packages of others come back as they were", async (t) => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  const vectors = new URL("../vectors/", import.meta.url);
  for (const name of ["golden.psp", "golden-marker.psp", "sealed.psp"]) {
    await t.step(name, async () => {
      await Deno.copyFile(new URL(name, vectors), project.dir.at(name));
      const at = `${registry.host}/vectors/${name.replace(".psp", "")}:1`;
      await project.json("push", name, at);
      await project.json("pull", at, "-o", `back-${name}`);
      assertEquals(await project.same(name, `back-${name}`), true);
    });
  }
});

Deno.test("a package that Windows' tools have signed comes back signed", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  const launcher = launcherLike("a program for Windows with a checksum");
  const plan = planOf(['{ id = "app", source = "app", target = "app" }']);
  const { bytes } = await buildInMemory(
    plan,
    { app: pseudoRandomBytes(1_000_000) },
    { launcher: new BytesSource(launcher) },
  );
  const signed = signForWindows(new Uint8Array(bytes));
  await project.dir.write("app.exe", signed);
  const at = `${registry.host}/team/app:1`;
  const { packages } = await project.json("push", "app.exe", at);
  assertEquals(packages[0].platform, "windows_amd64");
  await project.json("pull", at, "-o", "back.exe");
  assertEquals(await project.same("app.exe", "back.exe"), true);

  await using proxy = proxyRegistry(registry);
  const reference = `oci://${proxy.host}/team/app:1`;
  assertEquals((await project.json("inspect", reference)).sealed, true);
  // Where the package ends, only the head of the launcher tells.
  assertEquals(proxy.requests.length, 2);
  await using server = serveBytes(signed);
  assertEquals((await project.json("inspect", server.url)).sealed, true);
  assertEquals(server.served.length, 2);
  assertEquals(server.sent, 64 * 1024 + EXECUTABLE_HEADER_SIZE);
});

Deno.test("only what verifies is pushed", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one");
  const bytes = await Deno.readFile(project.dir.at("app.psp"));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await project.dir.write("bad.psp", bytes);
  const at = `${registry.host}/team/app:1`;
  assertStringIncludes(
    await project.fails("push", "bad.psp", at),
    'verify/slot-digest: "bad.psp" is not pushed',
  );
  const key = "0".repeat(64);
  assertStringIncludes(
    await project.fails("push", "app.psp", at, "--trusted-key", key),
    "verify/untrusted-key",
  );
  assertStringIncludes(
    await project.fails("pull", at, "-o", "back"),
    "io/not-found",
  );
  await project.json("push", "app.psp", at);
  assertStringIncludes(
    await project.fails("pull", at, "-o", "back", "--trusted-key", key),
    "verify/untrusted-key",
  );
  assert(!project.names().some((name) => name.includes("back")));
});

Deno.test("what is no reference, and what is no package, is named", async () => {
  await using registry = await startRegistry();
  await using project = await makeProject();
  await project.pack("app.psp", "one");
  for (
    const reference of [
      "app",
      "team/app:1",
      "localhost",
      "localhost/",
      "localhost/App",
      "localhost/app:",
      "localhost/app:a b",
      "localhost/app@sha256:12",
      "localhost/../app",
      "https://localhost/app",
    ]
  ) {
    assertStringIncludes(
      await project.fails("pull", reference),
      "usage/bad-argument",
      reference,
    );
  }
  assertStringIncludes(await project.fails("push", "app.psp"), "usage/");
  assertStringIncludes(
    await project.fails("pull", `${registry.host}/no/such:1`, "-o", "back"),
    "io/not-found",
  );
  await using proxy = proxyRegistry(registry);
  const manifests = {
    "not JSON": "hello",
    "no layers": '{"artifactType":"application/vnd.flavor.pspf.package.v1"}',
    "an image":
      '{"config":{"mediaType":"application/vnd.oci.image.config.v1+json"},"layers":[]}',
    "an index of nothing":
      '{"mediaType":"application/vnd.oci.image.index.v1+json"}',
    "layers of another kind": JSON.stringify({
      artifactType: "application/vnd.flavor.pspf.package.v1",
      layers: [{
        mediaType: "text/html",
        digest: `sha256:${"0".repeat(64)}`,
        size: 1,
      }],
    }),
    "a wrong tail": JSON.stringify({
      artifactType: "application/vnd.flavor.pspf.package.v1",
      layers: [{
        mediaType: "application/vnd.flavor.pspf.tail.v1",
        digest: `sha256:${"0".repeat(64)}`,
        size: 1,
        data: "AA==",
      }],
    }),
    "sizes without end": JSON.stringify({
      artifactType: "application/vnd.flavor.pspf.package.v1",
      layers: Array(3).fill({
        mediaType: "application/vnd.flavor.pspf.slot.v1",
        digest: `sha256:${"0".repeat(64)}`,
        size: Number.MAX_SAFE_INTEGER,
      }),
    }),
  };
  for (const [name, body] of Object.entries(manifests)) {
    proxy.fault = () => new Response(body);
    assertStringIncludes(
      await project.fails("pull", `${proxy.host}/team/app:1`, "-o", "back"),
      "format/not-a-package",
      name,
    );
  }
  proxy.fault = () => new Response(new Uint8Array(5 * 1024 * 1024));
  assertStringIncludes(
    await project.fails("pull", `${proxy.host}/team/app:1`, "-o", "back"),
    "more than",
  );
});
