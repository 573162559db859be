import { isAbsolute, join } from "@std/path";

import { PspfError } from "../errors.ts";
import { formatPermissions } from "../format/slot_words.ts";
import type { WorkenvHost } from "./workenv_host.ts";

/** The directory that holds every workenv, by its real path. */
export interface CacheRoot {
  /** The root of the cache. */
  readonly path: string;
  /** Below it, the workenvs. */
  readonly workenvs: string;
  /** Below it, the lock files. */
  readonly locks: string;
  /** Whether it is there at all. */
  readonly exists: boolean;
}

/** Bits that let others write. */
const WRITABLE_BY_OTHERS = 0o022;

/**
 * Finds the cache, by the same rules as the launcher, and refuses one that
 * others could have changed.
 *
 * @param host Environment, user and files.
 * @returns The root.
 * @throws {PspfError} `cache/unavailable`, `cache/insecure`
 */
export async function findCacheRoot(host: WorkenvHost): Promise<CacheRoot> {
  const named = namedRoot(host);
  const facts = await host.reader.facts(named);
  if (facts === undefined) return rootAt(named, false);
  const path = await host.reader.realPath(named);
  await checkOwn(path, host);
  const root = rootAt(path, true);
  // These two are made by the launcher; a link in their place is somebody's
  // attempt to lead us out.
  for (const directory of [root.workenvs, root.locks]) {
    const found = await host.reader.linkFacts(directory);
    if (found === undefined) continue;
    if (found.kind !== "directory") {
      throw insecure(directory, "it is not a directory");
    }
    await checkOwn(directory, host);
  }
  return root;
}

function rootAt(path: string, exists: boolean): CacheRoot {
  return {
    path,
    workenvs: join(path, "workenv"),
    locks: join(path, "locks"),
    exists,
  };
}

function namedRoot({ env, machine }: WorkenvHost): string {
  const chosen = env.get("FLAVOR_CACHE") ?? "";
  if (chosen !== "") {
    if (isAbsolute(chosen)) return chosen;
    throw new PspfError(
      "cache/unavailable",
      `FLAVOR_CACHE is "${chosen}", which is not an absolute path`,
      { context: { path: chosen }, hint: "Give an absolute path" },
    );
  }
  if (machine.platform.startsWith("windows")) {
    const local = env.get("LOCALAPPDATA") ?? "";
    if (local !== "") return join(local, "flavor", "cache");
  } else {
    const xdg = env.get("XDG_CACHE_HOME") ?? "";
    if (isAbsolute(xdg)) return join(xdg, "flavor");
  }
  const home = env.get("HOME") ?? "";
  const base = isAbsolute(home) ? home : machine.home;
  if (base !== undefined && isAbsolute(base)) {
    return join(base, ".cache", "flavor");
  }
  throw new PspfError("cache/unavailable", "There is no home directory", {
    hint: "Set FLAVOR_CACHE to an absolute path",
  });
}

async function checkOwn(path: string, host: WorkenvHost): Promise<void> {
  const facts = await host.reader.facts(path);
  if (facts?.kind !== "directory") {
    throw insecure(path, "it is not a directory");
  }
  const { user } = host.machine;
  if (user === undefined) return;
  if (facts.owner !== user) {
    throw insecure(
      path,
      `it belongs to user ${facts.owner}, and this is ${user}`,
    );
  }
  if ((facts.mode & WRITABLE_BY_OTHERS) !== 0) {
    throw insecure(path, `its mode is ${formatPermissions(facts.mode)}`);
  }
}

function insecure(path: string, says: string): PspfError {
  return new PspfError(
    "cache/insecure",
    `The cache directory "${path}" cannot be trusted: ${says}`,
    {
      context: { path },
      hint:
        `Make it yours alone with chmod 0700 and chown, or set FLAVOR_CACHE`,
    },
  );
}
