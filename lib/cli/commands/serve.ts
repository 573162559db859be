import type { CommandContext, CommandOf } from "../command_spec.ts";
import { createApp, openShelf } from "../../web/mod.ts";
import { readTrustedKeys } from "../package_file.ts";

/** Addresses that only this machine reaches, as they stand in a URL. */
const LOOPBACK_REGEXP = /^(?:localhost|127(?:\.[0-9]{1,3}){3}|\[?::1\]?)$/;

/** `flavor serve`: answers until it is stopped. */
export async function runServe(
  command: CommandOf<"serve">,
  { host, output }: CommandContext,
): Promise<void> {
  const { paths } = command.operands;
  const { host: name, port, open, "trusted-key": given } = command.flags;
  const packages = await openShelf(paths, { host });
  const isLoopback = LOOPBACK_REGEXP.test(name);
  const app = createApp({
    packages,
    trustedKeys: await readTrustedKeys(given, host.reader),
    // A page elsewhere could make its own name lead here, and read along.
    hosts: isLoopback ? ["localhost", "127.0.0.1", "[::1]", name] : undefined,
    onError: (error) =>
      output.warn(error instanceof Error ? error.message : String(error)),
  });
  await using server = await host.network.serve(
    (request) => app.fetch(request),
    { host: name, port },
  );
  const { address } = server;
  const shown = address.host.includes(":") ? `[${address.host}]` : address.host;
  const url = `http://${shown}:${address.port}/`;
  if (!isLoopback) {
    output.warn(
      `everybody who can reach ${url} can read these packages without logging in`,
    );
  }
  output.result({ url }, () => url);
  if (open) await openBrowser(url, { host, output });
  await server.finished;
}

async function openBrowser(
  url: string,
  { host, output }: CommandContext,
): Promise<void> {
  const [program, ...args] = host.machine.platform.startsWith("windows")
    ? ["rundll32", "url.dll,FileProtocolHandler", url] as const
    : [
      host.machine.platform.startsWith("darwin") ? "open" : "xdg-open",
      url,
    ] as const;
  try {
    const { code } = await host.processes.capture({ program, args }, 10_000);
    if (code === 0) return;
  } catch {
    // Said below, whatever it was.
  }
  output.warn(`cannot open a browser here; open ${url} yourself`);
}
