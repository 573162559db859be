import { basename, join } from "@std/path";
import { PspfError } from "../errors.ts";
import { downloadHttp, HttpSource } from "../io/http_source.ts";
import { remoteUrl } from "../io/open_source.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { CommandContext } from "./command_spec.ts";

/** How to reach a package that is not a file here. */
export interface InputFlags {
  readonly "plain-http": boolean;
  /** Whether to fetch it whole; by default only where nothing else will do. */
  readonly download?: boolean;
}

/** Opens a package: a file, or what a web server or a registry has. */
export async function openInput(
  location: string,
  flags: InputFlags,
  context: CommandContext,
): Promise<RandomAccessSource> {
  const { host, output } = context;
  const url = remoteUrl(location);
  if (url === undefined) return await host.reader.openSource(location);
  if (url.protocol === "oci:") {
    const { openRegistry } = await import("./open_registry.ts");
    return await openRegistry(location, flags, context);
  }
  if (flags.download === true) return await openDownload(url, context);
  try {
    const source = await HttpSource.open(url);
    output.debug(`open ${source.name} (${source.size} bytes)`);
    return source;
  } catch (error) {
    const isWholeOnly = error instanceof PspfError &&
      error.context["ranges"] === false;
    if (flags.download !== undefined || !isWholeOnly) throw error;
    return await openDownload(url, context);
  }
}

/** Fetches a file whole into a place that is gone when it is disposed. */
async function openDownload(
  url: URL,
  { host, output }: CommandContext,
): Promise<RandomAccessSource> {
  const { size, content } = await downloadHttp(url);
  await using stack = new AsyncDisposableStack();
  const directory = await host.writer.makeTemporaryDirectory("flavor-");
  stack.defer(() => host.writer.remove(directory));
  const path = join(directory, "package");
  {
    await using sink = await host.writer.createSink(path, { mode: 0o600 });
    using bar = output.progress("fetching", size);
    for await (const chunk of content) {
      await sink.write(chunk);
      bar.add(chunk.length);
    }
    await sink.commit();
  }
  const source = stack.use(await host.reader.openSource(path));
  const owned = stack.move();
  // As a class its methods are not its own properties.
  return new Proxy(source, {
    get(target, key): unknown {
      if (key === "name") return url.origin + url.pathname;
      if (key === Symbol.asyncDispose) return () => owned.disposeAsync();
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** What a remote package is called here: one plain word. */
export function nameFor(location: string, fallback: string): string {
  const url = remoteUrl(location);
  const last = url === undefined ? "" : basename(url.pathname);
  const plain = last.replace(/[:@].*$/, "").replaceAll(/[^A-Za-z0-9._-]/g, "_")
    .replace(/^\.+/, "");
  return plain || fallback.replaceAll(/[^A-Za-z0-9_-]/g, "_") || "package";
}
