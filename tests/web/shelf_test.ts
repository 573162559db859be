import { createApp, openShelf } from "@flavor/pspf/web";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { demoPackage } from "./demo_packages.ts";

const FIRST = await demoPackage();
const SECOND = await demoPackage({ version: "1.5.0" });

async function listed(app: ReturnType<typeof createApp>): Promise<string[]> {
  const response = await app.request("/api/packages.json");
  const { packages } = await response.json();
  return packages.map(({ file, version }: Record<string, string>) =>
    `${file} ${version}`
  );
}

Deno.test("packages appear, change and vanish with their files", async () => {
  await using dir = await tempDir();
  const app = createApp({ packages: await openShelf([dir.path]) });
  assertEquals(await listed(app), []);
  await dir.write("app.psp", FIRST);
  assertEquals(await listed(app), ["app.psp 1.4.0"]);
  const etagOf = async (): Promise<string | null> => {
    const response = await app.request("/packages/app.psp", { method: "HEAD" });
    return response.headers.get("etag");
  };
  const before = await etagOf();
  // In place, and of the same length: only the clock of the file tells.
  await dir.write("app.psp", SECOND);
  assertEquals(await listed(app), ["app.psp 1.5.0"]);
  assertNotEquals(await etagOf(), before);
  await Deno.rename(dir.at("app.psp"), dir.at("other"));
  assertEquals(await listed(app), ["other 1.5.0"]);
  await Deno.remove(dir.at("other"));
  assertEquals(await listed(app), []);
  for (const name of ["app.psp", "other"]) {
    const response = await app.request(`/packages/${name}`);
    assertEquals(response.status, 404);
    await response.body?.cancel();
  }
});

Deno.test("a file that nobody has listed is found by its name", async () => {
  await using dir = await tempDir();
  const app = createApp({ packages: await openShelf([dir.path]) });
  await dir.write("late.psp", FIRST);
  const response = await app.request("/packages/late.psp", {
    headers: { range: "bytes=0-3" },
  });
  assertEquals([response.status, (await response.bytes()).length], [206, 4]);
});

Deno.test("nothing but packages leaves a directory", async () => {
  await using dir = await tempDir();
  await dir.write("served/good.psp", FIRST);
  await dir.write("served/.hidden.psp", FIRST);
  await dir.write("served/flavor-private.key", "secret");
  await dir.write("served/sub/inner.psp", FIRST);
  await dir.write("outside.psp", FIRST);
  await dir.write("served-too/outside.psp", FIRST);
  await Deno.symlink("good.psp", dir.at("served/inside-link.psp"));
  await Deno.symlink("../outside.psp", dir.at("served/outside-link.psp"));
  await Deno.symlink(
    dir.at("served-too/outside.psp"),
    dir.at("served/sibling-link.psp"),
  );
  await Deno.symlink("nowhere", dir.at("served/dangling.psp"));
  const app = createApp({ packages: await openShelf([dir.at("served")]) });
  assertEquals(await listed(app), [
    "good.psp 1.4.0",
    "inside-link.psp 1.4.0",
  ]);
  for (
    const name of [
      ".hidden.psp",
      "flavor-private.key",
      "sub",
      "sub%2Finner.psp",
      "outside-link.psp",
      "sibling-link.psp",
      "dangling.psp",
      "..%2Foutside.psp",
      "good.psp%00",
    ]
  ) {
    const response = await app.request(`/packages/${name}`);
    assertEquals(response.status, 404, name);
    const text = await response.text();
    assertEquals(text.includes(dir.path), false, text);
  }
});

Deno.test("files and directories can be served together, and of one name, too", async () => {
  await using dir = await tempDir();
  await dir.write("old/app.psp", FIRST);
  await dir.write("new/app.psp", SECOND);
  await dir.write("keys/secret.pem", "secret");
  const files = createApp({
    packages: await openShelf([dir.at("old/app.psp"), dir.at("new/app.psp")]),
  });
  assertEquals(await listed(files), ["app.psp 1.4.0", "new-app.psp 1.5.0"]);
  const both = createApp({
    packages: await openShelf([dir.at("new"), dir.at("old/app.psp")]),
  });
  assertEquals(await listed(both), ["app.psp 1.5.0", "old-app.psp 1.4.0"]);
  const response = await both.request("/packages/old-app.psp");
  assertEquals(await response.bytes(), FIRST);
});

Deno.test("what is named has to be there when the service starts", async () => {
  await using dir = await tempDir();
  await rejectsCode("io/not-found", () => openShelf([dir.at("nothing")]));
});

Deno.test("the digest of a file is worked out once for hundreds who ask", async () => {
  let opened = 0;
  const file = {
    name: "a.psp",
    size: FIRST.length,
    identity: "one",
    open: () => {
      opened++;
      return Promise.resolve({
        name: "a.psp",
        size: FIRST.length,
        read: (offset: number, length: number) =>
          Promise.resolve(FIRST.slice(offset, offset + length)),
        stream: (offset: number, length: number) =>
          new Blob([FIRST.slice(offset, offset + length)]).stream(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      });
    },
  };
  const app = createApp({
    packages: {
      list: () => Promise.resolve([file]),
      find: () => Promise.resolve(file),
    },
  });
  const heads = await Promise.all(
    Array.from(
      { length: 300 },
      () => app.request("/packages/a.psp", { method: "HEAD" }),
    ),
  );
  assert(heads.every(({ status }) => status === 200));
  // To look what it is, and for its digest.
  assertEquals(opened, 2);
});
