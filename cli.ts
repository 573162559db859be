/**
 * The `flavor` command; see `flavor --help`.
 *
 * @module
 */

if (import.meta.main) await main();

async function main(): Promise<void> {
  // Dynamic, so that what cannot be loaded is an error of ours.
  const parts = await Promise.all([
    import("./lib/cli/mod.ts"),
    import("./lib/host/deno_host.ts"),
  ]).catch((error) => {
    // Sources by URL have no import map, which names the standard library.
    if (!/^https?:/.test(import.meta.url)) throw error;
    console.error(
      "flavor: sources do not run from a URL; run flavor.js of a release, or: deno run -A jsr:@flavor/pspf/cli",
    );
    Deno.exitCode = 1;
  });
  if (parts === undefined) return;
  const [{ createConsoleOutput, runCli }, { createDenoHost }] = parts;
  const host = createDenoHost({ endOnSignals: true });
  Deno.exitCode = await runCli(Deno.args, host, createConsoleOutput(host));
}
