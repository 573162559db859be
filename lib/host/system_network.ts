import { PspfError } from "../errors.ts";
import type { Network, RunningServer, ServerAddress } from "./types.ts";

/** The network of this machine. */
export const systemNetwork: Network = {
  serve(answer, { host, port }): Promise<RunningServer> {
    return Promise.try(() => {
      let server: Deno.HttpServer<Deno.NetAddr>;
      try {
        server = Deno.serve(
          { hostname: host, port, onListen: () => {}, onError: explain },
          answer,
        );
      } catch (error) {
        throw listenError(error, { host, port });
      }
      const { hostname, port: bound } = server.addr;
      return {
        address: { host: hostname, port: bound },
        finished: server.finished,
        [Symbol.asyncDispose]: () => server.shutdown(),
      };
    });
  },
};

/** What an application leaves unanswered must not print a stack to whoever asks. */
function explain(): Response {
  return new Response(null, { status: 500 });
}

function listenError(error: unknown, { host, port }: ServerAddress): unknown {
  const place = `${host}:${port}`;
  const context = { host, port };
  if (error instanceof Deno.errors.AddrInUse) {
    return new PspfError(
      "io/exists",
      `Cannot listen on ${place}: another program does so already`,
      { context, hint: "Choose another port; --port 0 takes one that is free" },
    );
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return new PspfError(
      "io/denied",
      `Cannot listen on ${place}: permission denied`,
      { context, hint: "Choose a port above 1023" },
    );
  }
  if (error instanceof Deno.errors.NotCapable) {
    return new PspfError(
      "io/denied",
      `Cannot listen on ${place}: this program may not use the network`,
      { context, hint: `Start it with --allow-net=${place}`, cause: error },
    );
  }
  if (!(error instanceof Error)) return error;
  return new PspfError(
    "io/failed",
    `Cannot listen on ${place}: ${error.message}`,
    {
      context,
      hint: "Give an address of this machine with --host",
      cause: error,
    },
  );
}
