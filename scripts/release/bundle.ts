/** `flavor.js`: the whole command line in one file, worker included. */

import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import config from "../../deno.json" with { type: "json" };

/** How the sources name the worker, once minified. */
const WORKER = 'new URL("./block_worker.ts",import.meta.url)';
const LAUNCHER_REGEXP = /import\("@flavor\/launchers\/(\w+)"\)/g;

/**
 * Bundles a staged package.
 *
 * The worker becomes a `data:` URL. Launchers come from JSR, by names that Deno
 * cannot read before it runs them: else it would fetch all of them at each start.
 */
export async function bundle(
  directory: string,
  launchers: number,
): Promise<string> {
  const [program, worker] = [
    await run(directory, "cli.ts"),
    await run(directory, "lib/compress/block_worker.ts"),
  ];
  if (/import\.meta/.test(worker) || /\bimport\(/.test(worker)) {
    throw new Error("The worker of the bundle refers to other files");
  }
  const url = `data:text/javascript,${encodeURIComponent(worker)}`;
  const loaded = program.replace(
    LAUNCHER_REGEXP,
    `import("jsr:"+"@flavor/launchers@${config.version}/$1")`,
  );
  const count = program.match(LAUNCHER_REGEXP)?.length ?? 0;
  if (count !== launchers) {
    throw new Error(`The bundle imports ${count} launchers, not ${launchers}`);
  }
  const parts = loaded.split(WORKER);
  if (parts.length !== 2) {
    throw new Error(`The bundle names its worker ${parts.length - 1} times`);
  }
  return `// flavor ${config.version}, ${config.license}\n${
    parts.join(`new URL(${JSON.stringify(url)})`)
  }`;
}

async function run(directory: string, entry: string): Promise<string> {
  const output = join(directory, "bundle.js");
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--quiet", "--minify", "--platform=deno"],
      ...["--external", "@flavor/launchers/*", "--output", output],
      ...["--config", join(directory, "deno.json"), join(directory, entry)],
    ],
    cwd: directory,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) {
    throw new Error(
      `deno bundle ${entry} failed: ${new TextDecoder().decode(stderr)}`,
    );
  }
  const text = readFileSync(output, "utf8");
  rmSync(output);
  return text;
}
