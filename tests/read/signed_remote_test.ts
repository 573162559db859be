/** Packages that were signed for a platform, from afar. */

import { BytesSource } from "@flavor/pspf/io";
import { PSPFReader } from "@flavor/pspf/read";
import { assertEquals } from "@std/assert";
import { buildInMemory, planOf } from "../pack/build_in_memory.ts";
import { serveBytes } from "../support/http_server.ts";
import { launcherLike, signForWindows } from "../support/platform_signed.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";

Deno.test("a signed package costs its end and its head, each of them once", async () => {
  const app = pseudoRandomBytes(100_000);
  const { bytes } = await buildInMemory(
    planOf(['{ id = "app", source = "app", target = "app" }']),
    { app },
    {
      launcher: new BytesSource(
        launcherLike("a program for Windows with a checksum"),
      ),
    },
  );
  const signed = signForWindows(new Uint8Array(bytes));
  await using server = serveBytes(signed);
  await using reader = await PSPFReader.open(server.url);
  assertEquals(server.served.length, 2);
  assertEquals(server.sent, 2 * 64 * 1024);
  assertEquals(await new Response(reader.streamSlot("app")).bytes(), app);
});
