import { fileURLToPath } from "node:url";
import { assertEquals, assertStringIncludes } from "@std/assert";

import { cli, type CliOutcome } from "../support/captured_host.ts";

const UNSEALED = fileURLToPath(
  new URL("../vectors/golden.psp", import.meta.url),
);

/** Runs an unsealed package on a machine that starts nothing. */
async function runUnsealed(
  level: string,
  ...flags: readonly string[]
): Promise<CliOutcome & { readonly started: boolean }> {
  let started = false;
  const outcome = await cli(["run", ...flags, UNSEALED], {
    cwd: "/",
    env: { FLAVOR_VALIDATION: level },
    change: (host) => ({
      ...host,
      processes: {
        ...host.processes,
        runInPlace: () => {
          started = true;
          return Promise.resolve({ code: 9 });
        },
      },
    }),
  });
  return { ...outcome, started };
}

Deno.test("run asks for a seal at FLAVOR_VALIDATION=strict and for a trusted key, and is never laxer than standard", async () => {
  const standard = await runUnsealed("");
  assertEquals([standard.code, standard.started], [9, true], standard.err);
  const strict = await runUnsealed("strict");
  assertEquals([strict.code, strict.started], [4, false]);
  assertStringIncludes(strict.err, "[verify/unsealed]");
  const none = await runUnsealed("none", "--trusted-key", "0".repeat(64));
  assertEquals([none.code, none.started], [4, false]);
});

Deno.test("run passes arguments on without --, and does not log them", async () => {
  let given: readonly string[] = [];
  const { code, err } = await cli(
    ["--log-level", "trace", "run", UNSEALED, "serve", "--password", "secret"],
    {
      cwd: "/",
      change: (host) => ({
        ...host,
        processes: {
          ...host.processes,
          runInPlace: ({ args }) => {
            given = args;
            return Promise.resolve({ code: 0 });
          },
        },
      }),
    },
  );
  assertEquals([code, given], [0, ["serve", "--password", "secret"]], err);
  assertStringIncludes(err, "start ");
  assertEquals(err.includes("secret"), false);
});
