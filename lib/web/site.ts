import { PspfError } from "../errors.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import type { WebApp } from "./app.ts";
import type { ListedPackage } from "./library.ts";
import { loadAssets } from "./shell.ts";

/** What a static site cannot find out when it is asked. */
const API_FILES = ["inspect.json", "verify.json", "tree.json"] as const;

/** How names end that no web server takes for a page or a program of its own. */
const HARMLESS_END = /^[^.]*$|\.(?:psp|exe|bin|run|[^a-z][^.]*)$/i;

/** One package of a site that was written. */
export interface SitePackage {
  readonly file: string;
  readonly size: number;
  /** Whether every check passed when the site was written. */
  readonly valid: boolean;
}

/**
 * Writes everything that the service answers as files for any web server. The
 * target is finished, but not published.
 */
export async function writeSite(
  app: WebApp,
  target: ExtractTarget,
): Promise<readonly SitePackage[]> {
  const ask = async (path: string): Promise<Response> => {
    const response = await app.request(`/${path}`);
    if (response.ok) return response;
    const { detail } = await response.json();
    throw new PspfError("io/failed", `Cannot write ${path}: ${detail}`);
  };
  const write = async (path: string, response: Response): Promise<void> => {
    const size = Number(response.headers.get("content-length"));
    const body = response.body ?? new Blob().stream();
    await target.file(path, 0o644, size, body);
  };
  await write("index.html", await ask(""));
  for (const path of (await loadAssets()).keys()) {
    await write(path, await ask(path));
  }
  const list = await ask("api/packages.json");
  const { packages }: { packages: readonly ListedPackage[] } = await list
    .clone().json();
  for (const { file } of packages) {
    if (HARMLESS_END.test(file)) continue;
    throw new PspfError(
      "usage/bad-argument",
      `Cannot put ${
        JSON.stringify(file)
      } on a site: web servers would send it as a page, or run it`,
      {
        context: { package: file },
        hint: "Give it a name that ends in .psp",
      },
    );
  }
  await write("api/packages.json", list);
  const written: SitePackage[] = [];
  for (const one of packages) {
    const { file, size } = one;
    const name = encodeURIComponent(file);
    await write(`packages/${file}`, await ask(`packages/${name}`));
    let valid = false;
    for (const what of API_FILES) {
      const answer = await app.request(`/api/packages/${name}/${what}`);
      // A broken package has no tree; the page says why.
      if (!answer.ok) continue;
      const text = await answer.text();
      if (what === "verify.json") ({ valid } = JSON.parse(text));
      const blob = new Blob([text]);
      await target.file(
        `api/packages/${file}/${what}`,
        0o644,
        blob.size,
        blob.stream(),
      );
    }
    const sbom = await app.request(`/api/packages/${name}/sbom.json`);
    if (sbom.ok) await write(`api/packages/${file}/sbom.json`, sbom);
    written.push({ file, size, valid });
  }
  await target.finish();
  return written;
}
