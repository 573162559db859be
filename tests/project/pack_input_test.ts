import { concat } from "@std/bytes/concat";
import { assertEquals, assertStringIncludes } from "@std/assert";

import { satisfies } from "../../lib/runtimes/python.ts";
import { withoutComments } from "../../lib/project/deno.ts";
import { findSubject } from "../../lib/project/pack_input.ts";
import { capturedHost, cli } from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const MANIFEST = `package = { name = "app", version = "1" }
execution = { command = "sh {workenv}/run.sh" }
slots = [{ id = "app", source = ".", target = "{workenv}" }]
`;

/** Enough of a launcher to be taken for ours. */
const OWN_LAUNCHER = concat([
  foreignLauncher(),
  new TextEncoder().encode(
    "flavor-rs-launcher/1 pspf-2025 ops=none,raw,tar,gzip,zstd;",
  ),
]);

async function project(): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("flavor.toml", MANIFEST);
  await dir.write("launcher", OWN_LAUNCHER);
  await dir.write("run.sh", "echo hello\n");
  return dir;
}

/** Names in the one slot of the package that was packed. */
async function packed(dir: TempDir): Promise<readonly string[]> {
  const args = [
    "pack",
    "--launcher-bin",
    "launcher",
    "--key-seed",
    "s",
    "--output",
    "dist/app.psp",
  ];
  const { code, err } = await cli(args, { cwd: dir.path });
  assertEquals(code, 0, err);
  const listed = await cli(["extract-all", "dist/app.psp", "out", "--quiet"], {
    cwd: dir.path,
  });
  assertEquals(listed.code, 0, listed.err);
  const names = await Array.fromAsync(Deno.readDir(dir.at("out")));
  await Deno.remove(dir.at("out"), { recursive: true });
  return names.map(({ name }) => name).sort();
}

Deno.test("a private key is never packed", async (t) => {
  const { privateKey } = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  const der = new Uint8Array(
    await crypto.subtle.exportKey("pkcs8", privateKey),
  );
  const pem = (label: string): string =>
    `-----BEGIN ${label}-----\n${
      btoa(String.fromCharCode(...der))
    }\n-----END ${label}-----\n`;
  const files: Readonly<Record<string, string | Uint8Array>> = {
    "keys/flavor-private.key": pem("PRIVATE KEY"),
    "deep/id_rsa": pem("RSA PRIVATE KEY"),
    "deep/id_ed25519": pem("OPENSSH PRIVATE KEY"),
    "server.pem": `a certificate first\n${pem("EC PRIVATE KEY")}`,
    "locked.pem": pem("ENCRYPTED PRIVATE KEY"),
    "raw.key": der.slice(-32),
  };
  for (const [name, content] of Object.entries(files)) {
    await t.step(name, async () => {
      await using dir = await project();
      await dir.write(name, content);
      const args = ["pack", "--launcher-bin", "launcher", "--key-seed", "s"];
      const { code, err } = await cli(args, { cwd: dir.path });
      assertEquals(code, 6, err);
      assertStringIncludes(err, name);
      assertStringIncludes(err, "is a private key");
      const allowed = await cli([...args, "--allow-secrets"], {
        cwd: dir.path,
      });
      assertEquals(allowed.code, 0, allowed.err);
    });
  }
  await t.step("public keys are", async () => {
    await using dir = await project();
    await dir.write("a.pem", pem("PUBLIC KEY"));
    await dir.write("flavor-public.key", new Uint8Array(32));
    assertEquals((await packed(dir)).includes("a.pem"), true);
  });
});

Deno.test(".flavorignore says what is left out, else .gitignore; .git never gets in", async () => {
  await using dir = await project();
  await dir.write(".git/config", "");
  await dir.write("notes.txt", "");
  await dir.write("secret/a", "");
  await dir.write(".gitignore", "notes.txt\n/dist/\n/launcher\n");
  assertEquals(await packed(dir), [
    ".gitignore",
    "flavor.toml",
    "run.sh",
    "secret",
  ]);
  await dir.write(".flavorignore", "secret/\n/dist/\n/launcher\n.*ignore\n");
  assertEquals(await packed(dir), ["flavor.toml", "notes.txt", "run.sh"]);
});

Deno.test("keygen keeps the private key out of repositories", async () => {
  await using dir = await tempDir();
  await cli(["keygen", "--quiet"], { cwd: dir.path });
  assertEquals(
    await Deno.readTextFile(dir.at("keys", ".gitignore")),
    "flavor-private.key\n",
  );
  await Deno.writeTextFile(dir.at("keys", ".gitignore"), "mine\n");
  const again = await cli(["keygen", "--quiet", "--force"], { cwd: dir.path });
  assertEquals(again.code, 0, again.err);
  assertEquals(await Deno.readTextFile(dir.at("keys", ".gitignore")), "mine\n");
});

Deno.test("unknown placeholders and open quotes are mistakes in a manifest", async (t) => {
  const cases = [
    ['command = "{workenv}/a {wrokenv}/b"', "did you mean {workenv}?"],
    ['command = "sh {nothing}"', "holds {nothing}, which no launcher knows"],
    ['argv = ["sh", "{primray}"]', "did you mean {primary}?"],
    [`command = "sh -c 'exit"`, "has a quote that is not closed"],
    ['command = "sh"\nenv = { A = "{workenvv}" }', "did you mean {workenv}?"],
  ] as const;
  for (const [execution, says] of cases) {
    await t.step(execution, async () => {
      await using dir = await project();
      await dir.write(
        "flavor.toml",
        `slots = []\n[package]\nname = "a"\nversion = "1"\n[execution]\n${execution}\n`,
      );
      const { code, err } = await cli(["pack", "--launcher-bin", "launcher"], {
        cwd: dir.path,
      });
      assertEquals(code, 3, err);
      assertStringIncludes(err, says);
    });
  }
  await t.step("text of the application's own is not", async () => {
    await using dir = await project();
    await dir.write(
      "flavor.toml",
      `slots = []\n[package]\nname = "a"\nversion = "1"\n[execution]\ncommand = "env"\nenv = { FORMAT = "{time} {level}" }\n`,
    );
    const { code, err } = await cli(["pack", "--launcher-bin", "launcher"], {
      cwd: dir.path,
    });
    assertEquals(code, 0, err);
  });
});

Deno.test("satisfies() judges versions as the specification does", () => {
  const yes = [
    ["3.11.7", ">=3.11"],
    ["3.11.7", "==3.11.*"],
    ["3.11.7", "~=3.10"],
    ["3.11.7", "<4"],
    ["3.11.7", "!=3.11.8"],
    ["3.11.0", "==3.11"],
  ] as const;
  const no = [
    ["3.11.7", ">=3.12"],
    ["3.11.7", "==3.10.*"],
    ["3.11.7", "~=3.10.0"],
    ["3.11.7", "<3.11"],
    ["3.11.7", "!=3.11.*"],
  ] as const;
  for (const [version, clause] of yes) {
    assertEquals(satisfies(version, clause), true, clause);
  }
  for (const [version, clause] of no) {
    assertEquals(satisfies(version, clause), false, clause);
  }
});

Deno.test("withoutComments() leaves strings alone", () => {
  const text = '{ "a": "x // y", /* c */ "b": [1, 2,], // d\n "c": "\\"/*", }';
  assertEquals(JSON.parse(withoutComments(text)), {
    a: "x // y",
    b: [1, 2],
    c: '"/*',
  });
});

Deno.test("a path is a manifest, a project or a program, in this order", async (t) => {
  await using dir = await tempDir();
  const host = capturedHost({ cwd: dir.path });
  const find = async (path?: string): Promise<readonly string[]> => {
    const subject = await findSubject(path, undefined, host);
    return [subject.kind, subject.path];
  };
  await t.step("nothing there", async () => {
    const { code, err } = await cli(["pack"], { cwd: dir.path });
    assertEquals(code, 5, err);
    assertStringIncludes(err, "looked for flavor.toml, flavor.json, pyproj");
  });
  await t.step("one kind of project", async () => {
    for (
      const [name, kind] of [
        ["one/deno.jsonc", "deno"],
        ["two/deno.json", "deno"],
        ["three/package.json", "node"],
        ["four/pyproject.toml", "python"],
      ] as const
    ) {
      await dir.write(name, "");
      const place = name.split("/")[0] ?? "";
      assertEquals(await find(place), [kind, dir.at(place)]);
      assertEquals(await find(name), [kind, dir.at(place)]);
    }
  });
  await t.step("two kinds are a question, which --as answers", async () => {
    await dir.write("package.json", "{}");
    await dir.write("pyproject.toml", "");
    const { code, err } = await cli(["pack"], { cwd: dir.path });
    assertEquals(code, 2, err);
    assertStringIncludes(err, "is a project of several kinds: python and node");
    assertStringIncludes(err, "--as python, or --as node");
    const chosen = await findSubject(undefined, "node", host);
    assertEquals(chosen, { kind: "node", path: dir.path });
  });
  await t.step("a manifest comes before them", async () => {
    await dir.write("flavor.json", "");
    assertEquals(await find(), ["manifest", "flavor.json"]);
    await dir.write("flavor.toml", "");
    assertEquals(await find(), ["manifest", "flavor.toml"]);
    assertEquals(await find("flavor.json"), ["manifest", "flavor.json"]);
  });
  await t.step("every other file is a program", async () => {
    await dir.write("tool", "");
    assertEquals(await find("tool"), ["binary", dir.at("tool")]);
    assertEquals(
      await findSubject("flavor.toml", "binary", host),
      { kind: "binary", path: dir.at("flavor.toml") },
    );
  });
});

Deno.test("a flag that would mean nothing is refused, since it may have been meant to keep a file out", async () => {
  await using dir = await project();
  await dir.write("tool", "#!/bin/sh\n", 0o755);
  await dir.write("python/pyproject.toml", '[project]\nname = "x"\n');
  for (
    const [args, said] of [
      [
        ["--exclude", "*.secret"],
        '--exclude cannot be used with the manifest "flavor.toml"',
      ],
      [
        ["--entry", "x", "--runtime", "y"],
        "--entry and --runtime cannot be used",
      ],
      [
        ["--allow-net=example.com"],
        "--allow-net cannot be used with the manifest",
      ],
      [["tool", "--include", "x"], "--include cannot be used with the program"],
      [
        ["python", "--allow-env"],
        "--allow-env cannot be used with a Python project",
      ],
    ] as const
  ) {
    const { code, err } = await cli(["pack", ...args], { cwd: dir.path });
    assertEquals(code, 2, err);
    assertStringIncludes(err, said);
  }
});
