/**
 * The `flavor` command; see `flavor --help`.
 *
 * @module
 */
import { createConsoleOutput, runCli } from "./lib/cli/mod.ts";
import { createDenoHost } from "./lib/host/deno_host.ts";

if (import.meta.main) {
  const host = createDenoHost({ endOnSignals: true });
  Deno.exitCode = await runCli(Deno.args, host, createConsoleOutput(host));
}
