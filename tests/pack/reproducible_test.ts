import { assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { buildInMemory, planOf } from "./build_in_memory.ts";
import { DirectoryTree } from "../../lib/host/directory_tree.ts";
import { TOOL_VERSION } from "../../lib/pack/tool_version.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import denoJson from "../../deno.json" with { type: "json" };

const SLOT = 'id = "lib", source = "lib", target = "lib"';
const PLAN = planOf([`{ ${SLOT} }`]);
const EXACT_PLAN = planOf([`{ ${SLOT}, modes = "exact" }`]);

const FILES: Readonly<Record<string, Uint8Array>> = {
  "bin/run": new TextEncoder().encode("#!/bin/sh\n"),
  "data/big": pseudoRandomBytes(2_000_000, 5),
  "data/é": new Uint8Array(10),
  "z": new Uint8Array(0),
};

async function writeTree(
  names: readonly string[],
  time: number,
): Promise<string> {
  const root = await Deno.makeTempDir();
  for (const name of names) {
    const path = join(root, name);
    await Deno.mkdir(join(path, ".."), { recursive: true });
    await Deno.writeFile(path, FILES[name] ?? new Uint8Array());
    await Deno.chmod(path, name.startsWith("bin/") ? 0o755 : 0o644);
    await Deno.utime(path, time, time);
  }
  for (const directory of ["bin", "data"]) {
    await Deno.chmod(join(root, directory), 0o755);
  }
  return root;
}

/** Leaves the modes to the umask, like a checkout does. */
async function checkOut(umask: number): Promise<string> {
  const before = Deno.umask(umask);
  try {
    const root = await Deno.makeTempDir();
    for (const [name, content] of Object.entries(FILES)) {
      const path = join(root, name);
      await Deno.mkdir(join(path, ".."), { recursive: true });
      const mode = name.startsWith("bin/") ? 0o777 : 0o666;
      await Deno.writeFile(path, content, { mode });
    }
    return root;
  } finally {
    Deno.umask(before);
  }
}

async function buildTree(
  root: string,
  options: Parameters<typeof buildInMemory>[2] = {},
  plan = PLAN,
): Promise<Uint8Array> {
  const tree = new DirectoryTree(root);
  const { bytes } = await buildInMemory(plan, {}, {
    openSource: () => Promise.resolve({ kind: "directory", tree }),
    ...options,
  });
  return bytes;
}

Deno.test("the same files give the same package in any directory, order and time", async () => {
  const names = Object.keys(FILES);
  const one = await writeTree(names, 1_000_000_000);
  const umask = Deno.umask(0o077);
  const two = await writeTree(names.toReversed(), 1_700_000_000);
  try {
    const expected = await buildTree(one);
    assertEquals(await buildTree(two), expected);
    Deno.env.set("TZ", "Asia/Kathmandu");
    assertEquals(await buildTree(two, { jobs: 3 }), expected);
  } finally {
    Deno.env.delete("TZ");
    Deno.umask(umask);
    await Deno.remove(one, { recursive: true });
    await Deno.remove(two, { recursive: true });
  }
});

Deno.test(
  "a checkout under any umask gives the same package, unless all bits are kept",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    const roots: string[] = [];
    for (const umask of [0o022, 0o002, 0o077]) {
      roots.push(await checkOut(umask));
    }
    try {
      const packages = await Promise.all(roots.map((root) => buildTree(root)));
      assertEquals(packages[1], packages[0]);
      assertEquals(packages[2], packages[0]);
      const exact = await Promise.all(
        roots.map((root) => buildTree(root, {}, EXACT_PLAN)),
      );
      assertNotEquals(exact[1], exact[0]);
      assertNotEquals(exact[2], exact[0]);
    } finally {
      for (const root of roots) await Deno.remove(root, { recursive: true });
    }
  },
);

Deno.test("the package depends on key, launcher time and content", async () => {
  const root = await writeTree(Object.keys(FILES), 1);
  try {
    const first = await buildTree(root);
    assertNotEquals(await buildTree(root, { sourceDateEpoch: 1 }), first);
    await Deno.chmod(join(root, "z"), 0o755);
    assertNotEquals(await buildTree(root), first);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("TOOL_VERSION is the version of the package", () => {
  assertEquals(TOOL_VERSION, denoJson.version);
});
