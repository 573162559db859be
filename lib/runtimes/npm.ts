import { join } from "@std/path";
import { extractTar } from "../archive/extract_tar.ts";
import { gunzip } from "../compress/gunzip.ts";
import { isPspfError, PspfError } from "../errors.ts";
import type { RunRequest } from "../host/types.ts";
import { streamFrom } from "../io/stream_from.ts";
import {
  findProgram,
  keepInCache,
  runTool,
  toolCache,
  type ToolHost,
} from "./tools.ts";

/** Calls npm: its configuration says which registry, which proxy, which account. */
export interface Npm {
  readonly program: string;
  run(
    what: string,
    args: readonly string[],
    env?: RunRequest["env"],
  ): Promise<string>;
}

/**
 * Finds npm on PATH, to be run in a directory whose `.npmrc` counts; what it
 * fetches it also checks against the registry's digests.
 */
export async function findNpm(
  cwd: string,
  needs: string,
  host: ToolHost,
): Promise<Npm> {
  const program = await findProgram("npm", host);
  if (program === undefined) {
    throw new PspfError(
      "build/failed",
      `npm, which is needed to ${needs}, is not on PATH`,
      {
        context: { program: "npm" },
        hint:
          "Install Node.js with npm, or name an interpreter with --runtime FILE",
      },
    );
  }
  return {
    program,
    run: (what, args, env) =>
      runTool(what, {
        program,
        cwd,
        env,
        // deno-fmt-ignore
        args: [...args, "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--no-color"],
      }, host),
  };
}

/** The versions of a package that fit a range, oldest first. */
export async function versionsOf(
  name: string,
  range: string,
  npm: Npm,
): Promise<readonly string[]> {
  // To npm, * is the tag "latest" and not every version.
  const specifier = `${name}@${range.trim() === "*" ? ">=0" : range}`;
  const args = ["view", specifier, "version", "--json"];
  const text = await npm.run(`look for ${specifier}`, args).catch((error) => {
    if (isPspfError(error) && /E404/.test(String(error.context["said"]))) {
      return "";
    }
    throw error;
  });
  const found: unknown = text.trim() === "" ? [] : JSON.parse(text);
  const list = Array.isArray(found) ? found.map(String) : [String(found)];
  return list.filter((version) => /^\d+\.\d+\.\d+$/.test(version))
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** Unpacks a package of the registry into the cache, once. */
export async function fetchPackage(
  name: string,
  version: string,
  { work, npm, say }: {
    readonly work: string;
    readonly npm: Npm;
    readonly say: (text: string) => void;
  },
  host: ToolHost,
): Promise<string> {
  const place = `${name.replaceAll(/[@/]/g, "_")}-${version}`;
  const directory = join(await toolCache("runtimes", host), place);
  if (await host.reader.facts(directory) !== undefined) return directory;
  say(`fetching ${name} ${version}`);
  const file = await packTarball(`${name}@${version}`, work, npm);
  const draft = join(work, place);
  await unpackTarball(file, draft, host);
  await host.writer.remove(file);
  await keepInCache(join(draft, "package"), directory, host);
  return directory;
}

/** Has npm make or fetch a tarball; what it says first belongs to scripts. */
export async function packTarball(
  specifier: string,
  to: string,
  npm: Npm,
): Promise<string> {
  const text = await npm.run(`fetch ${specifier}`, [
    "pack",
    specifier,
    "--json",
    "--pack-destination",
    to,
  ]);
  const start = text.search(/^[[{]\s*$/m);
  const list: unknown = JSON.parse(start < 0 ? text : text.slice(start));
  const [first] = Array.isArray(list) ? list : Object.values(list as object);
  return join(to, String(first.filename).replace(/^@/, "").replace("/", "-"));
}

/** Unpacks a gzipped archive into a directory that does not exist yet. */
export async function unpackTarball(
  file: string,
  to: string,
  { reader, writer }: Pick<ToolHost, "reader" | "writer">,
): Promise<void> {
  await using source = await reader.openSource(file);
  await using draft = await writer.createDirectory(to);
  const bytes = gunzip(source.stream(0, source.size), { name: file });
  await extractTar(streamFrom(bytes), draft.target);
  await draft.target.finish();
  await draft.commit();
}
