import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";

import { cli, type CliOutcome } from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const OURS = "flavor-rs-launcher/1 pspf-2025 ops=none,tar,gzip,zstd;";
const SEALED = fromFileUrl(new URL("../vectors/sealed.psp", import.meta.url));

async function project(dir: TempDir): Promise<void> {
  await cli(["init", "-q"], { cwd: dir.path });
  await dir.write("launcher", ourLauncher());
}

function ourLauncher(): Uint8Array {
  const bytes = new Uint8Array(200);
  bytes.set(foreignLauncher());
  bytes.set(new TextEncoder().encode(OURS), 100);
  return bytes;
}

function pack(dir: TempDir, ...flags: readonly string[]): Promise<CliOutcome> {
  return cli(
    [
      ...["pack", "--launcher-bin", "launcher", "--key-seed", "secret"],
      ...flags,
    ],
    { cwd: dir.path },
  );
}

Deno.test("extract writes a slot to standard output, and nothing else", async () => {
  await using dir = await tempDir();
  const options = { cwd: dir.path };
  const { out } = await cli(["inspect", SEALED, "--json"], options);
  const slots = JSON.parse(out).slots as readonly Record<string, string>[];
  for (const { name = "", operations = "" } of slots) {
    for (const raw of [[], ["--raw"]]) {
      const piped = await cli(["extract", SEALED, name, "-", ...raw], options);
      assertEquals([piped.code, piped.err], [0, ""]);
      const isArchive = operations.startsWith("tar") && raw.length === 0;
      if (isArchive) {
        assertEquals(piped.out.length % 512, 0);
        assertStringIncludes(piped.out, "ustar");
        continue;
      }
      await cli(["extract", SEALED, name, "file", "--force", ...raw], options);
      const bytes = await Deno.readFile(dir.at("file"));
      assertEquals(piped.out, new TextDecoder("latin1").decode(bytes));
    }
  }
});

Deno.test("extract gives not a byte of a damaged slot to a pipe", async () => {
  await using dir = await tempDir();
  const { out } = await cli(["inspect", SEALED, "--json"], { cwd: "/" });
  const [slot] = JSON.parse(out).slots;
  const bytes = await Deno.readFile(SEALED);
  const last = slot.offset + slot.size - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  await dir.write("bad.psp", bytes);
  const piped = await cli(["extract", "bad.psp", "0", "-"], { cwd: dir.path });
  assertEquals([piped.code, piped.out], [4, ""]);
});

Deno.test("extract ends early and well when the reader of a pipe has gone", async () => {
  let written = 0;
  const { code, err } = await cli(["extract", SEALED, "0", "-"], {
    cwd: "/",
    change: (host) => ({
      ...host,
      terminal: {
        ...host.terminal,
        writeOutBytes: () => {
          written++;
          return false;
        },
      },
    }),
  });
  assertEquals([code, err, written], [0, "", 1]);
});

Deno.test("pack writes a package to standard output that is the same as in a file", async () => {
  await using dir = await tempDir();
  await project(dir);
  const piped = await pack(dir, "-o", "-");
  assertEquals(piped.code, 0, piped.err);
  await pack(dir, "-o", "file.psp");
  const bytes = await Deno.readFile(dir.at("file.psp"));
  assertEquals(piped.out, new TextDecoder("latin1").decode(bytes));
  assertStringIncludes(piped.err, "packed");
});

for (const args of [["extract", SEALED, "0", "-"], ["pack", "-o", "-"]]) {
  Deno.test(`${args[0]} writes no bytes to a terminal, and none beside a JSON object`, async () => {
    await using dir = await tempDir();
    await project(dir);
    const launcher = args[0] === "pack" ? ["--launcher-bin", "launcher"] : [];
    const words = [...args, ...launcher];
    const terminal = await cli(words, { cwd: dir.path, terminal: true });
    assertEquals([terminal.code, terminal.out], [2, ""]);
    assertStringIncludes(terminal.err, "not written to a terminal");
    const json = await cli([...words, "--json"], { cwd: dir.path });
    assertEquals([json.code, json.out], [2, ""]);
  });
}

Deno.test("--log-level debug says what is being done: files, sizes, launcher, key, time; never a secret", async () => {
  await using dir = await tempDir();
  await project(dir);
  const silent = await pack(dir, "-o", "a.psp");
  assertEquals(silent.err, "");
  const { code, err } = await pack(dir, "-o", "b.psp", "--log-level", "debug");
  assertEquals(code, 0, err);
  for (
    const line of [
      /^debug +\d+\.\d{3} s {2}read "flavor\.toml" \(\d+ bytes\)$/m,
      /^debug .*launcher ".*launcher" for linux_amd64 \(200 bytes\)$/m,
      /^debug .*key from a seed, [0-9a-f]{64}$/m,
      /^debug .*open ".*hello\.sh" \(\d+ bytes\)$/m,
      /^debug .*write ".*b\.psp"$/m,
      /^debug .*done, exit code 0$/m,
    ]
  ) {
    assert(line.test(err), `${line}\n${err}`);
  }
  assertEquals(err.includes("secret"), false);
  assertEquals(/^trace/m.test(err), false);
  const trace = await pack(dir, "-o", "c.psp", "--log-level", "trace");
  assert(/^trace .*facts ".*"$/m.test(trace.err), trace.err);
  const quiet = await pack(dir, "-o", "d.psp", "-q", "--log-level", "debug");
  assertEquals(quiet.err, "");
});

Deno.test("help is one JSON object when that is asked for", async () => {
  const { code, out } = await cli(["pack", "--help", "--json"], { cwd: "/" });
  assertEquals(code, 0);
  assertStringIncludes(JSON.parse(out).help, "Usage: flavor pack");
});

Deno.test("the command line loads next to nothing before it knows what is asked for", async () => {
  const graph = async (entry: string): Promise<readonly string[]> => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", `${ROOT}/deno.json`, entry],
      stderr: "null",
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout));
    const byName = new Map<string, readonly { specifier: string }[]>();
    for (const { specifier, dependencies = [] } of modules) {
      byName.set(
        specifier,
        dependencies.flatMap((
          it: { isDynamic?: boolean; code?: { specifier: string } },
        ) => it.isDynamic === true || it.code === undefined ? [] : [it.code]),
      );
    }
    const reached = new Set<string>();
    const open = modules.filter(({ specifier }: { specifier: string }) =>
      specifier.endsWith(entry.split("/").at(-1) ?? "")
    ).map(({ specifier }: { specifier: string }) => specifier);
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (reached.has(next)) continue;
      reached.add(next);
      open.push(...(byName.get(next) ?? []).map((it) => it.specifier));
    }
    return [...reached];
  };
  const loaded = await graph(`${ROOT}/lib/cli/run_cli.ts`);
  const folders = new Set(
    loaded.map((path) => /\/lib\/(\w+)/.exec(path)?.[1] ?? path),
  );
  assert(loaded.length < 40, `${loaded.length} modules`);
  for (const heavy of ["archive", "compress", "crypto", "io", "host"]) {
    assertEquals(folders.has(heavy), false, heavy);
  }
});
