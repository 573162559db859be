import { encodeHex } from "@std/encoding/hex";
import { html } from "hono/html";
import { sha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";

/** A file that belongs to the page. */
export interface Asset {
  readonly body: string;
  readonly type: string;
  /** SHA-256 of the body, as hex digits. */
  readonly digest: string;
}

const META_POLICY = [
  "default-src 'none'",
  // SHA-256 and decoders are WebAssembly where a browser lacks them.
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

/**
 * What the page may do: run its own script, and talk to where it came from. No
 * text can become markup, in the browsers that know trusted types.
 */
export const CONTENT_SECURITY_POLICY = `${META_POLICY}; frame-ancestors 'none'`;

let assets: Promise<ReadonlyMap<string, Asset>> | undefined;

/** The files of the page by path, as `scripts/build_page.ts` has made them. */
export function loadAssets(): Promise<ReadonlyMap<string, Asset>> {
  return assets ??= readAssets();
}

async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  let made: typeof import("./page_assets.js");
  try {
    // @ts-types="./page_assets.d.ts"
    made = await import("./page_assets.js");
  } catch (cause) {
    throw new PspfError("internal/bug", "The page has not been built", {
      hint: "Build it with: scripts/dev page",
      cause,
    });
  }
  const scripts = Object.entries(made.SCRIPTS).map(async ([name, text]) =>
    [
      `page/${name}`,
      await assetOf(text, "text/javascript; charset=utf-8"),
    ] as const
  );
  return new Map([
    [STYLE, await assetOf(made.STYLE, "text/css; charset=utf-8")],
    [ICON, await assetOf(BOX, "image/svg+xml")],
    ...await Promise.all(scripts),
  ]);
}

async function assetOf(body: string, type: string): Promise<Asset> {
  const digest = encodeHex(await sha256(new TextEncoder().encode(body)));
  return { body, type, digest };
}

const MAIN = "page/main.js";
const STYLE = "page/style.css";
const ICON = "page/icon.svg";

/** A box, sealed. */
const BOX =
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M4 10 16 4l12 6v12l-12 6-12-6z" fill="#1f6f5c"/><path d="m4 10 12 6 12-6M16 16v12" fill="none" stroke="#fff" stroke-width="2" stroke-linejoin="round"/></svg>`;

/**
 * The page before its script runs. Everything of a package is put in by the
 * script, as text.
 */
export async function shellHtml(
  assets: ReadonlyMap<string, Asset>,
): Promise<string> {
  const link = (path: string): string =>
    `${path}?v=${assets.get(path)?.digest}`;
  const page = await html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="referrer" content="no-referrer">
        <meta http-equiv="content-security-policy" content="${META_POLICY}">
        <title>Packages</title>
        <link rel="icon" href="${link(ICON)}" type="image/svg+xml">
        <link rel="stylesheet" href="${link(STYLE)}">
        <script type="module" src="${link(MAIN)}"></script>
      </head>
      <body>
        <a class="skip" href="#page">Skip to the content</a>
        <header>
          <a class="home"
            href="./"><img src="${link(
              ICON,
            )}" alt="" width="24" height="24">flavor</a>
          <label
            class="open">Open a file<input type="file" id="file" multiple></label>
        </header>
        <main id="page" tabindex="-1">
          <noscript><p>This page verifies packages in the browser, which takes its script. For programs there is <a href="api/packages.json">an API</a>.</p></noscript>
        </main>
        <p id="status" role="status" class="unseen"></p>
      </body>
    </html>
  `;
  return String(page);
}
