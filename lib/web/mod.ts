/**
 * The web service that looks into packages, as a hono application: a page that
 * verifies packages in the browser, and an API for programs.
 *
 * @example Serve a directory
 * ```ts
 * import { createApp, openShelf } from "@flavor/pspf/web";
 *
 * const directory = await Deno.makeTempDir(); // where the packages are
 * const app = createApp({ packages: await openShelf([directory]) });
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0 }, app.fetch);
 * ```
 *
 * @module
 */

export { type AppOptions, createApp, type WebApp } from "./app.ts";
export {
  openShelf,
  type PackagesByName,
  type PackageShelf,
  type ShelvedFile,
} from "./shelf.ts";
