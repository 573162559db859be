import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { equals } from "@std/bytes/equals";
import { join } from "@std/path";
import { openPackage } from "../../lib/read/open_package.ts";
import { createDenoHost } from "../../lib/host/deno_host.ts";
import { type Machine, MACHINES } from "./support/machine.ts";
import { Sample } from "./support/sample.ts";

/** What is true on every machine. */
const CASES: Record<string, (machine: Machine) => Promise<void>> = {
  async "a first start unpacks, and a second one does not"(
    machine,
  ): Promise<void> {
    const sample = await Sample.pack(machine);
    const first = await sample.start(["arguments", "one"]);
    assertEquals([first.stdout, first.stderr, first.code], ['"one"\n', "", 0]);
    const workenv = await sample.workenv();
    const written = async (): Promise<unknown> =>
      (await Deno.stat(join(workenv, `bin/probe${machine.suffix}`))).ino;
    const before = await written();
    const second = await sample.start(["arguments", "two"]);
    assertEquals([second.stdout, second.code], ['"two"\n', 0]);
    assertEquals(await written(), before);
  },

  async "arguments arrive as they were given"(machine): Promise<void> {
    const sample = await Sample.pack(machine);
    const words = [
      ...["a b", "", 'say "hi"', "tab\there", "%PATH%", "$HOME", "back\\"],
      ...[
        'end\\"',
        "\\\\",
        "*",
        "?",
        "'single'",
        "^&|<>",
        "ünï→日本",
        "-x",
        "a=b",
      ],
    ];
    const { stdout } = await sample.start(["arguments", ...words]);
    const quoted = (word: string): string =>
      `"${
        word.replaceAll("\\", "\\\\").replaceAll('"', '\\"')
          .replaceAll("\t", "\\t")
      }"`;
    assertEquals(stdout.trimEnd().split("\n"), words.map(quoted));
  },

  async "the program's input and its own name are its own"(
    machine,
  ): Promise<void> {
    const sample = await Sample.pack(machine);
    const stdin = new Uint8Array([0, 13, 10, 255, 26, 10]);
    assertEquals((await sample.start(["copy-input"], { stdin })).bytes, stdin);
    const { stdout } = await sample.start(["self"]);
    const program = join(
      await sample.workenv(),
      `bin/probe${machine.suffix}`,
    );
    for (const name of stdout.trimEnd().split("\n")) {
      const whole = name.endsWith(machine.suffix)
        ? name
        : name + machine.suffix;
      assertEquals(whole, machine.guest(program));
    }
  },

  async "exit codes are handed on whole"(machine): Promise<void> {
    const sample = await Sample.pack(machine);
    const codes = machine.isWindows
      ? [0, 1, 255, 256, 0x12345678, 0x7fffffff, 0xc000013a]
      : [0, 1, 101, 255];
    for (const mode of ["exec", "spawn"]) {
      for (const code of codes) {
        const { stdout } = await sample.start(
          ["code-of", machine.guest(sample.file), "exit", `${code}`],
          { env: { FLAVOR_EXEC_MODE: mode } },
          machine.probe,
        );
        assertEquals(stdout, `code Some(${code | 0})\n`);
      }
    }
  },

  async "Ctrl-C reaches the program, and its answer counts"(
    machine,
  ): Promise<void> {
    const sample = await Sample.pack(machine);
    const result = join(sample.directory, "result");
    for (const mode of ["exec", "spawn"]) {
      const words = [result, sample.file].map(machine.guest);
      const { stdout, stderr } = await sample.start(
        ["interrupt", ...words, "await-interrupt"],
        { env: { FLAVOR_EXEC_MODE: mode }, terminal: true },
        machine.probe,
      );
      assertEquals(
        await Deno.readTextFile(result),
        "interrupted\ncode Some(42)",
        `${mode}: ${stdout}${stderr}`,
      );
      await Deno.remove(result);
    }
  },

  async "paths may hold blanks, signs and letters of any kind"(
    machine,
  ): Promise<void> {
    const odd = "with blank/ünï→日本 & 100% %PATH% (x)/it's";
    const sample = await Sample.pack(machine, {
      file: "my äpp",
      files: { "d ä/f ö": "content" },
    }, join(machine.home, odd));
    const cwd = join(sample.directory, "here ß");
    await Deno.mkdir(cwd);
    assertEquals(
      (await sample.start(["cwd"], { cwd })).stdout,
      `${machine.guest(cwd)}\n`,
    );
    const file = machine.guest(join(await sample.workenv(), "d ä/f ö"));
    assertEquals((await sample.start(["read", file])).stdout, "content");
  },

  async "a changed byte is noticed at a first and at a later start"(
    machine,
  ): Promise<void> {
    const sample = await Sample.pack(machine);
    assertEquals((await sample.start(["exit", "0"])).code, 0);
    await using source = await createDenoHost().reader.openSource(sample.file);
    const { index, slots } = await openPackage(source);
    const middle = (
      { offset, size }: { readonly offset: number; readonly size: number },
    ): number => offset + Math.floor(size / 2);
    const spots = [
      ...slots.map(middle),
      middle(index.metadata),
      middle(index.slotTable),
      index.trailerOffset + 500,
    ];
    for (const at of spots) {
      await flip(sample.file, at);
      for (const cache of [sample.cache, join(sample.directory, `new-${at}`)]) {
        const refused = await sample.start(["arguments", "ran"], {
          env: { FLAVOR_CACHE: machine.guest(cache) },
        });
        assertEquals(refused.stdout, "", `at ${at}`);
        assert([102, 103, 105, 107].includes(refused.code), `${refused.code}`);
        assertStringIncludes(refused.stderr, "error: ");
      }
      await flip(sample.file, at);
    }
    assertEquals((await sample.start(["arguments", "x"])).stdout, '"x"\n');
  },

  async "of twenty first starts at once one unpacks"(machine): Promise<void> {
    const sample = await Sample.pack(machine, { files: { noise: noise(4) } });
    const starts = await Promise.all(
      Array.from(
        { length: 20 },
        (_, at) =>
          sample.start(["arguments", `${at}`], {
            env: { FLAVOR_LOG_LEVEL: "info" },
          }),
      ),
    );
    for (const [at, { code, stdout, stderr }] of starts.entries()) {
      assertEquals([code, stdout], [0, `"${at}"\n`], stderr);
    }
    const all = starts.map(({ stderr }) => stderr).join("");
    assertEquals(all.match(/info: filling /g)?.length, 1, all);
  },

  async "a first start that is killed breaks nothing"(machine): Promise<void> {
    const content = noise(24);
    const sample = await Sample.pack(machine, { files: { noise: content } });
    for (const milliseconds of [20, 60, 120, 180, 260, 400]) {
      const child = sample.spawn(["exit", "0"]);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      try {
        child.kill("SIGKILL");
      } catch {
        // It was faster.
      }
      await child.output();
      const { code, stdout, stderr } = await sample.start(["arguments", "ok"]);
      assertEquals([code, stdout, stderr], [0, '"ok"\n', ""]);
      const workenv = await sample.workenv();
      const unpacked = await Deno.readFile(join(workenv, "noise"));
      assert(equals(unpacked, content), `killed after ${milliseconds} ms`);
      await Deno.remove(sample.cache, { recursive: true });
    }
  },

  async "links lead where they should, with or without the right to make them"(
    machine,
  ): Promise<void> {
    const sample = await Sample.pack(machine, {
      files: { "dir/deep/file": "content", "z/last": "last" },
      links: {
        "a-link": "dir/deep/file",
        "a-link-to-it": "a-link",
        "b-dir": "dir",
        "dir/up": "../z/last",
        "dir/deep/later": "../../z",
      },
      hardLinks: { "y-hard": "dir/deep/file" },
    });
    const { code, stderr } = await sample.start(["exit", "0"]);
    assertEquals([code, stderr], [0, ""]);
    const workenv = await sample.workenv();
    for (
      const [path, content] of Object.entries({
        "a-link": "content",
        "a-link-to-it": "content",
        "b-dir/deep/file": "content",
        "dir/up": "last",
        "dir/deep/later/last": "last",
        "y-hard": "content",
      })
    ) {
      const read = ["read", machine.guest(join(workenv, path))];
      assertEquals((await sample.start(read)).stdout, content, path);
    }
    const own = { FLAVOR_LAUNCHER_CLI: "1" };
    const whole = await sample.start(["verify", "--cache"], { env: own });
    assertEquals(whole.code, 0, whole.stdout + whole.stderr);
    await Deno.writeTextFile(join(workenv, "z/last"), "other");
    const found = await sample.start(["verify", "--cache"], { env: own });
    assertEquals(found.code, 107);
    assertStringIncludes(found.stdout, "z/last");
  },

  async "a link that leads nowhere is no reason not to start"(
    machine,
  ): Promise<void> {
    const sample = await Sample.pack(machine, { links: { lost: "not/there" } });
    const { code, stdout, stderr } = await sample.start(["arguments", "x"]);
    assertEquals([code, stdout], [0, '"x"\n'], stderr);
    if (machine.isWindows) {
      assertStringIncludes(stderr, "the link lost is left out");
    }
    assertEquals((await sample.start(["arguments", "x"])).stderr, "");
  },

  async "programs and files may have long paths"(machine): Promise<void> {
    const deep = Array.from({ length: 8 }, (_, at) => `${at}`.repeat(40))
      .join("/");
    // Wine starts no program from there, whoever asks.
    const at = machine.isWindows ? "bin" : deep;
    const sample = await Sample.pack(machine, {
      probe: `${at}/probe`,
      command: `{workenv}/${at}/probe`,
      files: { [`${deep}/file`]: "content" },
    });
    const file = machine.guest(join(await firstWorkenv(sample), deep, "file"));
    assert(file.length > 330);
    assertEquals((await sample.start(["read", file])).stdout, "content");
  },

  async "a program without a path is looked for in PATH"(
    machine,
  ): Promise<void> {
    const host = join(machine.home, "host programs");
    await Deno.mkdir(host, { recursive: true });
    for (const name of ["tool", "tool3.11"]) {
      const file = join(host, `${name}${machine.suffix}`);
      await Deno.copyFile(machine.probe, file);
      const sample = await Sample.pack(machine, {
        command: `${name} arguments found`,
        probe: "elsewhere/probe",
        // It must not find itself, either.
        file: name,
      });
      const path = [sample.directory, host];
      const found = await sample.start([], { path });
      assertEquals([found.code, found.stdout], [0, '"found"\n'], found.stderr);
      const lost = await sample.start([], { path: [sample.directory] });
      assertEquals([lost.code, lost.stdout], [104, ""], lost.stderr);
    }
    const own = await Sample.pack(machine, {
      command: "tool self",
      probe: machine.isWindows ? "Scripts/tool" : "bin/tool",
    });
    const { stdout } = await own.start([], { path: [host] });
    assertStringIncludes(stdout, machine.guest(await own.workenv()));
  },

  async "the environment follows the package's rules"(machine): Promise<void> {
    const sample = await Sample.pack(machine, {
      command: "{workenv}/bin/probe environment",
      execution: { env: { OWN: "1", Both: "execution" } },
      manifest: {
        runtime: {
          env: {
            set: { FIXED: "set", Both: "runtime" },
            unset: ["GONE*"],
            map: { OLD: "NEW" },
          },
        },
        workenv: { env: { APP_HOME: "{workenv}/home" } },
      },
    });
    const { stdout, stderr } = await sample.start([], {
      env: { GONE_1: "x", OLD: "old", KEPT: "ü", FLAVOR_VERSION: "9" },
    });
    const found = new Map(
      stdout.trimEnd().split("\n").map((line) => {
        const at = line.indexOf("=", 1);
        return [line.slice(0, at), line.slice(at + 1)] as const;
      }),
    );
    const workenv = machine.guest(await sample.workenv());
    const [os, arch] = machine.target.split("_");
    for (
      const [name, value] of Object.entries({
        OWN: "1",
        Both: "execution",
        FIXED: "set",
        NEW: "old",
        OLD: undefined,
        GONE_1: undefined,
        KEPT: "ü",
        FLAVOR_WORKENV: workenv,
        FLAVOR_PACKAGE: "sample",
        FLAVOR_VERSION: "1",
        FLAVOR_OS: os,
        FLAVOR_ARCH: arch,
        FLAVOR_PLATFORM: machine.target,
      })
    ) {
      assertEquals(found.get(name), value, `${name}: ${stderr}`);
    }
    const home = found.get("APP_HOME") ?? "";
    assertEquals(
      home.replaceAll("\\", "/"),
      `${workenv}/home`.replaceAll("\\", "/"),
    );
    const paths = [...found].filter(([name]) => name.toUpperCase() === "PATH");
    assertEquals(paths.length, 1, stdout);
    const scripts = machine.isWindows
      ? `${workenv}\\Scripts;`
      : `${workenv}/bin:`;
    assertStringIncludes(paths[0]?.[1] ?? "", scripts);
  },

  async "setup commands run once, whatever the path of the cache"(
    machine,
  ): Promise<void> {
    const probe = "{workenv}/bin/probe";
    const shell = machine.isWindows
      ? `{workenv}/bin/probe.exe append "{workenv}\\log" shell&& echo from the shell>>"{workenv}\\log"`
      : `{workenv}/bin/probe append {workenv}/log shell && echo from the shell >>{workenv}/log`;
    const sample = await Sample.pack(
      machine,
      {
        files: { "list/a.txt": "", "list/b.txt": "", "list/c.md": "" },
        manifest: {
          setup_commands: [
            { type: "execute", command: `${probe} append log 'two words'` },
            { type: "shell", command: shell },
            {
              type: "enumerate_and_execute",
              command: `${probe} append`,
              enumerate: { path: "{workenv}/list", pattern: "*.txt" },
            },
            { type: "write_file", path: "written", content: "text" },
            { type: "chmod", path: "written", mode: "0600" },
          ].filter(({ type }) => type !== "enumerate_and_execute"),
        },
      },
      // Wine's shell, and no other, looks for names and signs in what it puts in.
      join(
        machine.home,
        machine.isWindows ? "a & b (c)/d'e" : "a & b 100% %PATH% ^c/d'e",
      ),
    );
    for (const _ of [1, 2]) {
      const { code, stderr } = await sample.start(["exit", "0"]);
      assertEquals([code, stderr], [0, ""]);
    }
    const workenv = await sample.workenv();
    const log = await Deno.readTextFile(join(workenv, "log"));
    assertEquals(
      log.split(/\r?\n/).map((line) => line.trim()),
      ["two words", "shell", "from the shell", ""],
    );
    assertEquals(await Deno.readTextFile(join(workenv, "written")), "text");
    const failing = await Sample.pack(machine, {
      manifest: { setup_commands: [{ command: `${probe} exit 7` }] },
    });
    const failed = await failing.start(["arguments", "x"]);
    assertEquals([failed.code, failed.stdout], [104, ""], failed.stderr);
    assertStringIncludes(failed.stderr, "7");
  },

  async "what a program leaves behind goes on without its launcher"(
    machine,
  ): Promise<void> {
    const sample = await Sample.pack(machine);
    const file = join(sample.directory, "late");
    const { code } = await sample.start(["leave-behind", machine.guest(file)]);
    assertEquals(code, 0);
    for (let tries = 0; tries < 100 && !await exists(file); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assertEquals(await Deno.readTextFile(file), "late");
  },

  async "what a program runs from stays, however many versions come"(
    machine,
  ): Promise<void> {
    const first = await Sample.pack(machine, { version: "1" });
    const running = first.spawn(["sleep", "60000"]);
    const output = running.stdout.getReader();
    await output.read();
    const old = await first.workenv();
    const next = async (version: string): Promise<void> => {
      const sample = await Sample.pack(machine, { version });
      const cache = machine.guest(first.cache);
      const env = { FLAVOR_CACHE: cache, FLAVOR_KEEP: "1" };
      assertEquals((await sample.start(["exit", "0"], { env })).code, 0);
    };
    await next("2");
    await next("3");
    assert(await exists(join(old, `bin/probe${machine.suffix}`)));
    running.kill("SIGKILL");
    output.releaseLock();
    await running.output();
    await next("4");
    assert(!await exists(old));
    assertEquals((await first.workenvs()).length, 1);
  },

  async "a cache that others can write to is refused"(machine): Promise<void> {
    const sample = await Sample.pack(machine);
    await Deno.mkdir(join(sample.directory, "open/cache"), { recursive: true });
    await Deno.chmod(join(sample.directory, "open/cache"), 0o700);
    await Deno.chmod(join(sample.directory, "open"), 0o777);
    for (const cache of ["open", "open/cache", "open/new/cache"]) {
      const given = machine.guest(join(sample.directory, cache));
      const env = { FLAVOR_CACHE: given };
      const refused = await sample.start(["arguments", "x"], { env });
      assertEquals([refused.code, refused.stdout], [106, ""], cache);
      assertStringIncludes(refused.stderr, "can write to it");
    }
  },
};

async function firstWorkenv(sample: Sample): Promise<string> {
  const { code, stderr } = await sample.start(["exit", "0"]);
  assertEquals([code, stderr], [0, ""]);
  return await sample.workenv();
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

async function flip(path: string, at: number): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  await file.seek(at, Deno.SeekMode.Start);
  await file.read(byte);
  byte[0] = (byte[0] ?? 0) ^ 0x40;
  await file.seek(at, Deno.SeekMode.Start);
  await file.write(byte);
}

/** The same bytes each time, which nothing makes smaller. */
function noise(mebibytes: number): Uint8Array {
  const words = new Uint32Array(mebibytes * 262_144);
  let state = 1;
  for (let at = 0; at < words.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    words[at] = state ^ (state >>> 15);
  }
  return new Uint8Array(words.buffer);
}

for (const machine of MACHINES) {
  for (const [name, test] of Object.entries(CASES)) {
    Deno.test(`${machine.target}: ${name}`, () => test(machine));
  }
}
