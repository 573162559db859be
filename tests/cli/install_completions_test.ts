import { assertEquals, assertStringIncludes } from "@std/assert";

import { cli, type CliOutcome } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

async function install(
  dir: TempDir,
  shell: string,
  env: Readonly<Record<string, string>> = {},
): Promise<CliOutcome> {
  return await cli(["completions", shell, "--install"], {
    cwd: dir.path,
    env,
    change: (host) => ({
      ...host,
      machine: { ...host.machine, home: dir.at("home") },
    }),
  });
}

Deno.test("completions --install writes the script to where each shell looks, and nothing else", async () => {
  const places = {
    bash: "home/.local/share/bash-completion/completions/flavor",
    zsh: "home/.local/share/zsh/site-functions/_flavor",
    fish: "home/.config/fish/completions/flavor.fish",
  };
  for (const [shell, place] of Object.entries(places)) {
    await using dir = await tempDir();
    await dir.write("home/.zshrc", "mine");
    // Twice: an upgrade brings other commands.
    await install(dir, shell);
    const { code, out, err } = await install(dir, shell);
    assertEquals([code, out], [0, `wrote ${dir.at(place)}\n`], err);
    assertEquals(err.includes(dir.at("home")), shell === "zsh");
    const printed = await cli(["completions", shell], { cwd: dir.path });
    assertEquals(await Deno.readTextFile(dir.at(place)), printed.out);
    assertEquals(await Deno.readTextFile(dir.at("home/.zshrc")), "mine");
  }
});

Deno.test("completions --install follows the variables of the XDG directories", async () => {
  await using dir = await tempDir();
  const env = { XDG_DATA_HOME: dir.at("data"), XDG_CONFIG_HOME: dir.at("cfg") };
  const { out } = await install(dir, "bash", env);
  assertStringIncludes(out, dir.at("data/bash-completion"));
  const fish = await install(dir, "fish", env);
  assertStringIncludes(fish.out, dir.at("cfg/fish"));
});

Deno.test("--version --json tells the form of the program and its launchers", async () => {
  const { code, out } = await cli(["--version", "--json"], { cwd: "/" });
  const { version, form, commit, launchers } = JSON.parse(out);
  assertEquals(
    [code, version, form, commit, launchers],
    [0, "0.1.0", "checkout", null, []],
  );
});
