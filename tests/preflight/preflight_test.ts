import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { BytesSource } from "../../lib/io/bytes_source.ts";
import { readElf } from "../../lib/preflight/elf.ts";
import {
  preflight,
  type PreflightReport,
  type WorkenvEntry,
} from "../../lib/preflight/preflight.ts";
import type { Platform } from "../../lib/launchers/platform.ts";
import { tempDir } from "../support/temp_dir.ts";

const ARCH = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
const TARGET = { os: "linux", arch: "amd64" } as const;

function file(content: string | Uint8Array, mode = 0o755): WorkenvEntry {
  const bytes = typeof content === "string"
    ? new TextEncoder().encode(content)
    : content;
  return {
    kind: "file",
    mode,
    open: () => Promise.resolve(new BytesSource(bytes)),
  };
}

function elf(machine: number): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes[18] = machine;
  return bytes;
}

async function check(
  program: string,
  entries: Readonly<Record<string, WorkenvEntry>>,
  more: {
    readonly isOpen?: boolean;
    readonly targets?: readonly string[];
    readonly target?: Platform;
  } = {},
): Promise<PreflightReport> {
  const { isOpen = false, targets = [], target = TARGET } = more;
  return await preflight({
    program,
    primarySlot: 0,
    target,
    view: { entries: new Map(Object.entries(entries)), isOpen, targets },
  });
}

Deno.test("preflight() finds what would not start", async (t) => {
  const cases: readonly (readonly [
    name: string,
    program: string,
    entries: Readonly<Record<string, WorkenvEntry>>,
    says: string,
  ])[] = [
    ["no such program", "{workenv}/bin/ap", {
      "bin/x/app": file("#!/bin/sh\n"),
    }, "is in no slot"],
    [
      "another directory",
      "{workenv}/app",
      { "bin/app": file("#!/bin/sh\n") },
      "did you mean {workenv}/bin/app?",
    ],
    [
      "a mode without x",
      "{workenv}/app",
      { app: file("#!/bin/sh\n", 0o644) },
      "its mode is 0644",
    ],
    [
      "a directory",
      "{workenv}/app",
      { app: { kind: "directory" } },
      "is a directory",
    ],
    ["data", "{workenv}/app", { app: file("hello") }, "neither a program"],
    [
      "another architecture",
      "{workenv}/app",
      { app: file(elf(183)) },
      "is for linux_arm64, and the package is for linux_amd64",
    ],
    ["an interpreter of this machine", "{workenv}/app", {
      app: file("#!/home/me/venv/bin/python\n"),
    }, "which is on this machine only"],
    [
      "Windows line endings",
      "{workenv}/app",
      { app: file("#!/bin/sh\r\n") },
      "Windows line endings",
    ],
    [
      "a library for another architecture",
      "sh",
      { "lib/a.so": file(elf(183)) },
      "lib/a.so is for linux_arm64",
    ],
    ["an absolute link", "sh", {
      a: { kind: "symlink", target: "/etc/passwd" },
    }, "a -> /etc/passwd"],
    [
      "a link upwards",
      "sh",
      { "d/a": { kind: "symlink", target: "../../x" } },
      "d/a -> ../../x",
    ],
    ["a link up and down", "sh", {
      a: { kind: "symlink", target: "../workenv/b" },
    }, "a -> ../workenv/b"],
  ];
  for (const [name, program, entries, says] of cases) {
    await t.step(name, async () => {
      const { problems } = await check(program, entries);
      assertEquals(problems.length, 1, problems.join("\n"));
      assertStringIncludes(problems[0] ?? "", says);
    });
  }
});

Deno.test("preflight() passes what starts, and says what it needs", async (t) => {
  const passes = async (
    name: string,
    program: string,
    entries: Readonly<Record<string, WorkenvEntry>>,
    needs: readonly string[],
    more = {},
  ): Promise<void> => {
    await t.step(name, async () => {
      const report = await check(program, entries, more);
      assertEquals(report.problems, []);
      assertEquals(report.needs, needs);
    });
  };
  await passes("a script", "{workenv}/a", { a: file("#!/bin/sh\n") }, []);
  await passes("a script of env", "{workenv}/a", {
    a: file("#!/usr/bin/env python3\n"),
  }, ["python3 on PATH"]);
  await passes("a name", "sh", {}, ["sh on PATH"]);
  await passes("a name in bin", "app", { "bin/app": file("#!/bin/sh\n") }, []);
  await passes("a slot", "{slot:1}", { "b/c": file(elf(62)) }, [], {
    targets: ["a", "b/c"],
  });
  await passes("the primary slot", "{primary}", { a: file(elf(62)) }, [], {
    targets: ["a"],
  });
  await passes("through links", "{workenv}/bin/x", {
    bin: { kind: "symlink", target: "usr/bin" },
    "usr/bin/x": { kind: "symlink", target: "y" },
    "usr/bin/y": file(elf(62)),
  }, []);
  await passes("what setup commands may make", "{workenv}/a", {}, [], {
    isOpen: true,
  });
});

Deno.test("preflight() names what a program expects of every machine", async () => {
  await using dir = await tempDir();
  await dir.write("main.c", "int main(void) { return 0; }\n");
  const needsOf = async (...args: string[]): Promise<readonly string[]> => {
    const { code } = await new Deno.Command("cc", {
      args: ["-o", "tool", "main.c", ...args],
      cwd: dir.path,
    }).output();
    assertEquals(code, 0);
    const { problems, needs } = await check("{workenv}/tool", {
      tool: file(await Deno.readFile(dir.at("tool"))),
    }, { target: { os: "linux", arch: ARCH } });
    assertEquals(problems, []);
    return needs;
  };
  const glibc = /^glibc >= 2\.\d+$/;
  const [version = "", ...others] = await needsOf();
  assert(glibc.test(version), version);
  assertEquals(others, []);
  assertEquals(await needsOf("-static"), []);
  const [musl] = await needsOf("-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1");
  assertEquals(musl, "musl");
});

Deno.test("preflight() follows a program's libraries to those that they need", async () => {
  await using dir = await tempDir();
  await dir.write("far.c", "int far(void) { return 0; }\n");
  await dir.write(
    "near.c",
    "int far(void); int near(void) { return far(); }\n",
  );
  await dir.write(
    "main.c",
    "int near(void); int main(void) { return near(); }\n",
  );
  const compile = async (...args: string[]): Promise<void> => {
    const { code } = await new Deno.Command("cc", { args, cwd: dir.path })
      .output();
    assertEquals(code, 0);
  };
  await compile("-shared", "-fPIC", "-o", "libfar.so", "far.c");
  await compile("-shared", "-fPIC", "-o", "libnear.so", "near.c", "libfar.so");
  // deno-fmt-ignore
  await compile("-o", "tool", "main.c", "libnear.so", "-Wl,-rpath,$ORIGIN/../lib", "-Wl,-rpath-link,.");
  const read = async (name: string): Promise<WorkenvEntry> =>
    file(await Deno.readFile(dir.at(name)));
  const target = { os: "linux", arch: ARCH } as const;
  const entries = {
    "bin/tool": await read("tool"),
    "lib/libnear.so": await read("libnear.so"),
  };
  const { problems } = await check("{workenv}/bin/tool", entries, { target });
  assertEquals(problems, [
    "lib/libnear.so needs the library libfar.so, which is neither in the package nor on every machine",
  ]);
  const { problems: none } = await check("{workenv}/bin/tool", {
    ...entries,
    "lib/libfar.so": await read("libfar.so"),
  }, { target });
  assertEquals(none, []);
  // What nothing is known to need may never be loaded.
  const lone = await check("sh", { "libnear.so": entries["lib/libnear.so"] }, {
    target,
  });
  assertEquals(lone.problems, []);
  assertEquals(lone.warnings, [
    "libnear.so needs the library libfar.so, which is not in the package",
  ]);
});

Deno.test("readElf() agrees with readelf", async () => {
  await using dir = await tempDir();
  await dir.write("lib.c", "int f(void) { return 0; }\n");
  await dir.write(
    "main.c",
    '#include <stdio.h>\nint f(void); int main(void) { puts(""); return f(); }\n',
  );
  for (
    const args of [
      [
        "-shared",
        "-fPIC",
        "-o",
        "libown.so.1",
        "-Wl,-soname,libown.so.1",
        "lib.c",
      ],
      [
        "-o",
        "tool",
        "main.c",
        "libown.so.1",
        "-Wl,-rpath,$ORIGIN/../lib",
        "-Wl,--enable-new-dtags",
      ],
    ]
  ) {
    const { code } = await new Deno.Command("cc", { args, cwd: dir.path })
      .output();
    assertEquals(code, 0);
  }
  await using source = new BytesSource(await Deno.readFile(dir.at("tool")));
  const elf = await readElf(source);
  assertEquals(elf?.arch, ARCH);
  assertEquals(elf?.needed, ["libown.so.1", "libc.so.6"]);
  assertEquals(elf?.runPath?.text, "$ORIGIN/../lib");
  assertEquals(elf?.runPath?.isRunPath, true);
  const { stdout } = await new Deno.Command("readelf", {
    args: ["-V", dir.at("tool")],
  }).output();
  const versions = [
    ...new TextDecoder().decode(stdout)
      .matchAll(/Name: (GLIBC_[\d.]+)/g),
  ].map(([, name]) => name);
  assert(versions.length > 0);
  assertEquals(
    [...elf?.versions.get("libc.so.6") ?? []].sort(),
    versions.sort(),
  );
});

Deno.test("readElf() takes cut and made-up files for no programs", async () => {
  const bytes = await Deno.readFile("/bin/sh");
  for (const size of [0, 63, 64, 100, 1000, bytes.length >> 1]) {
    await using source = new BytesSource(bytes.subarray(0, size));
    const elf = await readElf(source);
    assert(elf === undefined || elf.needed.length >= 0);
  }
  const broken = bytes.slice();
  broken.fill(0xff, 32, 64);
  await using source = new BytesSource(broken);
  assertEquals(await readElf(source), undefined);
});
