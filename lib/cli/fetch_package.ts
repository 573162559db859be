import { encodeHex } from "@std/encoding/hex";
import { dirname, join } from "@std/path";
import { sha256 } from "../crypto/sha256.ts";
import { isPspfError } from "../errors.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { type OpenOptions, openPackage } from "../read/open_package.ts";
import { findCacheRoot } from "../workenv/cache_root.ts";
import type { CommandContext } from "./command_spec.ts";
import { type InputFlags, nameFor, openInput } from "./open_input.ts";

/** What was not started for this long is removed when something new is fetched. */
const KEEP_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Fetches a package into the cache and gives its path there. It stands under
 * the digest of its index block, through which the seal binds every byte, so
 * that it is fetched once; what has no seal is fetched each time. `check` judges
 * every byte, of what was kept too, before anybody gets the path.
 */
export async function fetchPackage(
  location: string,
  flags: InputFlags,
  options: OpenOptions,
  check: (source: RandomAccessSource) => Promise<void>,
  context: CommandContext,
): Promise<string> {
  const { host, output } = context;
  await using source = await openInput(location, flags, context);
  // A key that is not trusted is found before anything is fetched.
  const { index, seal, metadata } = await openPackage(source, options);
  const { path: root } = await findCacheRoot(host);
  const digest = encodeHex(await sha256(index.block));
  const kept = join(root, "packages");
  const directory = join(kept, seal === undefined ? "unsealed" : digest);
  const path = join(directory, nameFor(location, metadata.package.name));
  if (seal !== undefined && await isKept(path, source.size, check, context)) {
    output.debug(`kept in ${path}`);
    await host.writer.touch(directory);
    return path;
  }
  await host.writer.makeDirectory(directory, 0o700);
  await removeOld(kept, context);
  await using sink = await host.writer.createSink(path, {
    mode: 0o700,
    replace: true,
  });
  {
    using bar = output.progress("fetching", source.size);
    for await (const chunk of source.stream(0, source.size)) {
      await sink.write(chunk);
      bar.add(chunk.length);
    }
  }
  {
    await using written = await sink.reopen();
    await check(written);
  }
  await sink.commit();
  return path;
}

async function isKept(
  path: string,
  size: number,
  check: (source: RandomAccessSource) => Promise<void>,
  { host, output }: CommandContext,
): Promise<boolean> {
  const facts = await host.reader.linkFacts(path);
  if (facts?.kind !== "file" || facts.size !== size) return false;
  try {
    await using source = await host.reader.openSource(path);
    await check(source);
    return true;
  } catch (error) {
    if (!isPspfError(error)) throw error;
    output.warn(`the copy in ${dirname(path)} is damaged and is fetched again`);
    return false;
  }
}

async function removeOld(
  kept: string,
  { host }: CommandContext,
): Promise<void> {
  for (const name of await host.reader.list(kept)) {
    const path = join(kept, name);
    const facts = await host.reader.linkFacts(path);
    if (facts === undefined) continue;
    if (host.clock.now() - facts.modifiedMs < KEEP_MS) continue;
    await host.writer.remove(path);
  }
}
