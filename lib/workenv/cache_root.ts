import { isAbsolute, join } from "@std/path";

import { PspfError } from "../errors.ts";
import { formatPermissions } from "../format/slot_words.ts";
import type { Host } from "../host/types.ts";

/** The parts of a host that the cache administration uses. */
export type WorkenvHost = Omit<Host, "terminal" | "within">;

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
 */
export async function findCacheRoot(
  host: Pick<WorkenvHost, "reader" | "env" | "machine">,
): Promise<CacheRoot> {
  const named = namedRoot(host);
  const exists = await host.reader.facts(named) !== undefined;
  const path = exists ? await host.reader.realPath(named) : named;
  const root = {
    path,
    workenvs: join(path, "workenv"),
    locks: join(path, "locks"),
    exists,
  };
  if (!exists) return root;
  await checkOwn(path, host);
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

function namedRoot(
  { env, machine }: Pick<WorkenvHost, "env" | "machine">,
): string {
  const home = [env.get("HOME") ?? "", machine.home ?? ""].find(isAbsolute);
  const usual = home === undefined ? undefined : join(home, ".cache", "flavor");
  const chosen = env.get("FLAVOR_CACHE") ?? "";
  // Other launchers export their default with one directory too many to every
  // program that they start, a shell perhaps.
  const isTheirs = usual !== undefined &&
    join(chosen, ".") === join(usual, "workenv");
  if (chosen !== "" && !isTheirs) {
    if (isAbsolute(chosen)) return chosen;
    throw new PspfError(
      "cache/unavailable",
      `FLAVOR_CACHE is "${chosen}", which is not an absolute path`,
      { context: { path: chosen }, hint: "Give an absolute path" },
    );
  }
  const isWindows = machine.platform.startsWith("windows");
  const local = env.get(isWindows ? "LOCALAPPDATA" : "XDG_CACHE_HOME") ?? "";
  if (isTheirs) return usual;
  if (isWindows && local !== "") return join(local, "flavor", "cache");
  if (!isWindows && isAbsolute(local)) return join(local, "flavor");
  if (usual !== undefined) return usual;
  throw new PspfError("cache/unavailable", "There is no home directory", {
    hint: "Set FLAVOR_CACHE to an absolute path",
  });
}

async function checkOwn(
  path: string,
  { reader, machine }: Pick<WorkenvHost, "reader" | "machine">,
): Promise<void> {
  const facts = await reader.facts(path);
  if (facts?.kind !== "directory") {
    throw insecure(path, "it is not a directory");
  }
  const { user } = machine;
  if (user === undefined) return;
  if (facts.owner !== user) {
    const says = `it belongs to user ${facts.owner}, and you are ${user}`;
    throw insecure(path, says);
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
        "Make it yours alone with chmod 0700 and chown, or set FLAVOR_CACHE",
    },
  );
}
