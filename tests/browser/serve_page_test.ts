import { createApp, openShelf } from "@flavor/pspf/web";
import { inspectPackage } from "@flavor/pspf/read";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl } from "@std/path";
import { cli } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import {
  demoPackage,
  hostilePackage,
  SBOM,
  tamper,
} from "../web/demo_packages.ts";
import { auditPage } from "./audit_page.ts";
import { Chromium, type Page } from "./chromium.ts";

/** Pictures of the run: for people, never compared. README shows `page.webp`. */
const PICTURES = fromFileUrl(
  new URL("../../dist/screenshots/", import.meta.url),
);

async function keep(page: Page, name: string): Promise<void> {
  await Deno.mkdir(PICTURES, { recursive: true });
  const format = name.endsWith(".webp") ? "webp" : "png";
  await Deno.writeFile(PICTURES + name, await page.picture({ format }));
}

/** Files of a program of some size, for the bar and the tree. */
const FILES = Object.fromEntries(
  Array.from({ length: 60 }, (_, index) => [
    `lib/weather/${index % 2 === 0 ? "forecast" : "station"}/part_${index}.py`,
    { content: `# ${index}\n${"value = measure()\n".repeat(20 + index)}` },
  ]),
);

interface Service extends AsyncDisposable {
  readonly url: string;
  /** What was asked for, in order. */
  readonly asked: string[];
}

function listen(
  answer: (request: Request) => Response | Promise<Response>,
): Service {
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname, search } = new URL(request.url);
      asked.push(
        `${request.headers.get("range") ?? ""} ${pathname}${search}`.trim(),
      );
      return answer(request);
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/`,
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

async function writePackages(dir: TempDir): Promise<Uint8Array<ArrayBuffer>> {
  const good = await demoPackage({
    files: FILES,
    sbom: SBOM,
    launcherSize: 120_000,
  });
  await dir.write("dist/weather-1.4.0.psp", good);
  await dir.write(
    "dist/weather-1.5.0.psp",
    await demoPackage({
      version: "1.5.0",
      files: { ...FILES, NEWS: { content: "now with rain\n" } },
      sbom: SBOM,
      launcherSize: 120_000,
    }),
  );
  await dir.write("dist/weather-tampered.psp", await tamper(good));
  await dir.write("dist/evil.psp", await hostilePackage());
  await dir.write("dist/zstd.psp", await demoPackage({ compression: "zstd" }));
  await dir.write("local.psp", good);
  return good;
}

/** Nothing was asked of anybody else, nothing failed, nothing of a package ran. */
async function assertQuiet(page: Page, { url }: Service): Promise<void> {
  assertEquals(page.problems, []);
  const elsewhere = page.requests.filter((one) =>
    !one.startsWith(url) && !/^(?:blob:|about:)/.test(one)
  );
  assertEquals(elsewhere, []);
  assertEquals(await page.evaluate("typeof globalThis.ran"), "undefined");
}

const VERDICT = "document.querySelector('.verdict[data-verdict]')";
const LISTED = "document.querySelectorAll('tbody tr').length > 0";

Deno.test("the page of flavor serve, in a browser", async (t) => {
  await using dir = await tempDir();
  const good = await writePackages(dir);
  const { fingerprint } = await inspectPackage(good);
  const app = createApp({ packages: await openShelf([dir.at("dist")]) });
  await using service = listen(app.fetch);
  const { url, asked } = service;
  await using browser = await Chromium.start();

  await t.step("lists packages, and what is wrong with some", async () => {
    await using page = await browser.newPage();
    await page.open(url);
    await page.until(LISTED);
    const text = await page.text("main");
    assertStringIncludes(text, "weather 1.4.0");
    assertStringIncludes(text, fingerprint.slice(0, 16));
    assertEquals(await page.evaluate("document.title"), "Packages");
    await keep(page, "list.png");
    await assertQuiet(page, service);
  });

  await t.step("verifies a good package from ranges", async () => {
    await using page = await browser.newPage(1100, 1500);
    asked.length = 0;
    await page.open(`${url}?package=weather-1.4.0.psp`);
    await page.until(VERDICT);
    const verdict = await page.text(".verdict");
    assertStringIncludes(verdict, "Verified");
    assertStringIncludes(verdict, `Signed by ${fingerprint}`);
    // One part for the end, one for the rest, and no byte of it twice.
    const ranges = asked.filter((one) => one.endsWith(".psp"))
      .filter((one) => one.startsWith("bytes"));
    assertEquals(ranges.length, 2, ranges.join("\n"));
    assertMatch(ranges[0] ?? "", /^bytes=-65536 /);
    const text = await page.text("main");
    for (
      const part of [
        "Forecasts for the command line",
        "{workenv}/bin/weather --place 'São Tomé'",
        "WEATHER_UNITS",
        "metric",
      ]
    ) assertStringIncludes(text, part);
    await page.evaluate("document.querySelector('.checks').open = true");
    await page.until("document.querySelectorAll('.checks li').length > 15");
    assertStringIncludes(
      await page.text(".checks"),
      "The seal's signature verifies",
    );
    await keep(page, "good.png");
    await assertQuiet(page, service);
  });

  await t.step(
    "says of a tampered package not to run it, and why",
    async () => {
      await using page = await browser.newPage();
      await page.open(`${url}?package=weather-tampered.psp`);
      await page.until(VERDICT);
      const verdict = await page.text(".verdict");
      assertStringIncludes(verdict, "Do not run this");
      assertStringIncludes(
        verdict,
        'Cannot trust the content of slot 0 ("app")',
      );
      assertEquals(verdict.includes("Verified"), false);
      await keep(page, "tampered.png");
      await assertQuiet(page, service);
    },
  );

  await t.step("tells a trusted key, and compares a fingerprint", async () => {
    const trusting = createApp({
      packages: {
        "a.psp": good,
        "b.psp": await demoPackage({ seed: "other" }),
      },
      trustedKeys: [fingerprint],
    });
    await using other = listen(trusting.fetch);
    await using page = await browser.newPage();
    await page.open(`${other.url}?package=a.psp`);
    await page.until(VERDICT);
    assertStringIncludes(
      await page.text(".verdict"),
      "signed by a trusted key",
    );
    await page.open(`${other.url}?package=b.psp`);
    await page.until(VERDICT);
    assertStringIncludes(await page.text(".verdict"), "Do not run this");
    await page.open(`${url}?package=weather-1.4.0.psp`);
    await page.until(VERDICT);
    const type = (text: string): Promise<void> =>
      page.evaluate(`{
        const input = document.querySelector(".signer input");
        input.value = ${JSON.stringify(text)};
        input.dispatchEvent(new Event("input"));
      }`);
    const answer = "document.querySelector('.signer [role=status]').innerText";
    await type(`sha256:${fingerprint.toUpperCase()}`);
    assertEquals(await page.evaluate(answer), "the same key");
    await type("0".repeat(64));
    assertEquals(await page.evaluate(answer), "another key");
    await type("0123");
    assertStringIncludes(await page.evaluate(answer), "not a fingerprint");
  });

  await t.step("shows files as a tree, and what is in them", async () => {
    await using page = await browser.newPage(1100, 1300);
    await page.open(`${url}?package=weather-1.4.0.psp`);
    await page.until(VERDICT);
    await openAll(page, "bin/", "weather");
    await page.until("document.querySelector('.file pre')");
    assertStringIncludes(await page.text(".file pre"), "echo sunny");
    const text = await page.text("main");
    assertStringIncludes(text, "→ weather");
    assertStringIncludes(text, "64 files");
    await page.evaluate(
      "document.querySelector('.file').scrollIntoView({block: 'center'})",
    );
    await keep(page, "tree.png");
    await openAll(page, "CycloneDX");
    await page.until(
      "document.body.innerText.includes('pkg:pypi/requests@2.32.3')",
    );
    assertStringIncludes(await page.text("main"), "Apache-2.0");
    await assertQuiet(page, service);
  });

  await t.step("unpacks zstd with a decoder that it fetches then", async () => {
    await using page = await browser.newPage();
    asked.length = 0;
    await page.open(`${url}?package=weather-1.4.0.psp`);
    await page.until(VERDICT);
    await openAll(page, "bin/");
    const decoder = (): number =>
      asked.filter((one) => one.includes("codecs_wasm")).length;
    assertEquals(decoder(), 0);
    await page.open(`${url}?package=zstd.psp`);
    await page.until(VERDICT);
    assertStringIncludes(await page.text(".verdict"), "Verified");
    await openAll(page, "bin/");
    await page.until("document.body.innerText.includes('weather')");
    assertEquals(decoder(), 1);
    assertEquals(asked.filter((one) => one.includes("tree.json")), []);
    await page.open(url);
    await page.until(LISTED);
    await page.drop(dir.at("dist/zstd.psp"));
    await page.until(VERDICT);
    assertStringIncludes(await page.text(".verdict"), "Verified");
    await openAll(page, "bin/");
    await page.until("document.body.innerText.includes('weather')");
    await assertQuiet(page, service);
  });

  await t.step("keeps a dropped file on this machine", async () => {
    await using page = await browser.newPage();
    await page.open(url);
    await page.until(LISTED);
    asked.length = 0;
    await page.drop(dir.at("local.psp"));
    await page.until(VERDICT);
    const text = await page.text("main");
    assertStringIncludes(text, "Verified");
    assertStringIncludes(text, "A file of this machine; it stays here.");
    await openAll(page, "bin/", "weather");
    await page.until("document.querySelector('.file pre')");
    assertEquals(asked, []);
    // Whoever looks is told where they are.
    assertEquals(await page.evaluate("document.activeElement.id"), "page");
    await assertQuiet(page, service);
  });

  await t.step("opens a file that was chosen, and a tampered one", async () => {
    await using page = await browser.newPage();
    await page.open(url);
    await page.until(LISTED);
    await page.choose("#file", dir.at("dist/weather-tampered.psp"));
    await page.until(VERDICT);
    assertStringIncludes(await page.text(".verdict"), "Do not run this");
    await Deno.writeTextFile(dir.at("nothing"), "nothing");
    await page.choose("#file", dir.at("nothing"));
    await page.until(
      "document.body.innerText.includes('at least 8200 are needed')",
    );
    await assertQuiet(page, service);
  });

  await t.step("compares two packages, here or there", async () => {
    await using page = await browser.newPage();
    const done = "document.querySelector('.change')";
    const address = `${url}?before=weather-1.4.0.psp&after=weather-1.5.0.psp`;
    await page.open(address);
    await page.until(done);
    const text = await page.text("main");
    for (const part of ["NEWS", "added", "package.version", "1.4.0", "1.5.0"]) {
      assertStringIncludes(text, part);
    }
    assertEquals(text.includes("part_1.py"), false);
    await keep(page, "diff.png");
    await page.open(`${url}?package=weather-1.5.0.psp`);
    await page.until(VERDICT);
    await page.evaluate(`{
      const select = document.querySelector("#other");
      select.value = "weather-1.4.0.psp";
      select.dispatchEvent(new Event("change"));
    }`);
    await page.until(done);
    assertEquals(await page.evaluate("location.href"), address);
    asked.length = 0;
    await page.drop(dir.at("local.psp"), dir.at("dist/weather-1.4.0.psp"));
    await page.until("document.body.innerText.includes('They are the same')");
    assertEquals(asked, []);
    await assertQuiet(page, service);
  });

  await t.step("works by keyboard alone", async () => {
    await using page = await browser.newPage();
    const focused = (): Promise<string> =>
      page.evaluate(
        "document.activeElement.innerText || document.activeElement.id",
      );
    const tabTo = async (wanted: string): Promise<void> => {
      const seen: string[] = [];
      for (let count = 0; count < 60; count++) {
        await page.press("Tab");
        const now = (await focused()).trim();
        seen.push(now);
        if (now.startsWith(wanted)) return;
      }
      throw new Error(`the keyboard never got to ${wanted}: ${seen}`);
    };
    await page.open(url);
    await page.until(LISTED);
    await page.press("Tab");
    assertEquals(await focused(), "Skip to the content");
    await page.press("Enter");
    await page.until("document.activeElement.id === 'page'");
    await tabTo("weather 1.4.0");
    assert(
      await page.evaluate(
        "getComputedStyle(document.activeElement).outlineStyle !== 'none'",
      ),
      "what is focused can be seen",
    );
    await page.press("Enter");
    await page.until(VERDICT);
    await tabTo("Every check");
    await page.press("Enter");
    await page.until("document.querySelectorAll('.checks li').length > 15");
    await tabTo("app");
    await page.press(" ");
    await page.until("document.querySelector('.tree')");
    await tabTo("bin/");
    await page.press("Enter");
    await page.until("document.querySelector('.file')");
    await tabTo("weather\n");
    await page.press("Enter");
    await page.until("document.querySelector('.file pre')");
    await tabTo("Save");
    await assertQuiet(page, service);
  });

  await t.step(
    "runs nothing of a package, and shows names as they are",
    async () => {
      await using page = await browser.newPage(1100, 1600);
      await page.open(url);
      await page.until(LISTED);
      assertStringIncludes(await page.text("main"), "<img src=x onerror=");
      await page.open(`${url}?package=evil.psp`);
      await page.until(VERDICT);
      await page.evaluate(
        "document.querySelectorAll('details').forEach((one) => one.open = true)",
      );
      await page.until("document.querySelectorAll('details.file').length > 4");
      await page.evaluate(
        "document.querySelectorAll('details').forEach((one) => one.open = true)",
      );
      await page.until("document.querySelectorAll('.file pre').length > 4");
      const text = await page.text("main");
      assertStringIncludes(text, "<svg xmlns=");
      // What would turn the end of a name around stands there as what it is.
      assertStringIncludes(text, "up\\u202egnp.exe");
      assertEquals(
        await page.evaluate(
          "document.querySelectorAll('main img, main script, main svg').length",
        ),
        0,
      );
      await keep(page, "hostile.png");
      await page.open(`${url}?before=evil.psp&after=weather-1.4.0.psp`);
      await page.until("document.querySelector('.change')");
      await page.drop(dir.at("dist/evil.psp"));
      await page.until(VERDICT);
      for (const query of ["package", "before"]) {
        const value = encodeURIComponent(
          '"><img src=x onerror="globalThis.ran=1">',
        );
        await page.open(`${url}?${query}=${value}&after=${value}`);
        await page.until("document.querySelector('.problem')");
      }
      assertEquals(await page.evaluate("typeof globalThis.ran"), "undefined");
      const others = page.problems.filter((one) => !/status of 404/.test(one));
      assertEquals(others, []);
    },
  );

  await t.step("may do nothing but what it was made for", async () => {
    let reached = 0;
    await using elsewhere = listen(() => {
      reached++;
      return new Response();
    });
    await using page = await browser.newPage();
    await page.open(url);
    await page.until(LISTED);
    const attempts = [
      `document.body.innerHTML = "<b>x</b>"`,
      `document.body.append(Object.assign(document.createElement("script"), { textContent: "globalThis.ran = 1" }))`,
      `await fetch(${JSON.stringify(elsewhere.url)})`,
      `await new Promise((resolve, reject) => { const image = new Image(); image.onload = resolve; image.onerror = reject; image.src = ${
        JSON.stringify(elsewhere.url)
      }; })`,
      `document.body.setAttribute("onclick", "globalThis.ran = 1"); document.body.click()`,
      `setTimeout("globalThis.ran = 1")`,
    ];
    for (const attempt of attempts) {
      await page.evaluate(`(async () => { try { ${attempt} } catch {} })()`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    assertEquals(reached, 0);
    assertEquals(await page.evaluate("typeof globalThis.ran"), "undefined");
    assertEquals(await page.evaluate("document.body.querySelector('b')"), null);
  });

  await t.step(
    "reads well in light and dark, on a desk and on a phone",
    async () => {
      await using page = await browser.newPage();
      for (const scheme of ["light", "dark"] as const) {
        for (
          const [device, width] of [["desk", 1100], ["phone", 360]] as const
        ) {
          await page.prefer(scheme);
          await page.resize(width, 900);
          for (
            const [name, address, ready] of [
              ["list", url, LISTED],
              ["package", `${url}?package=weather-1.4.0.psp`, VERDICT],
              ["tampered", `${url}?package=weather-tampered.psp`, VERDICT],
              [
                "diff",
                `${url}?before=weather-1.4.0.psp&after=weather-1.5.0.psp`,
                "document.querySelector('.change')",
              ],
            ] as const
          ) {
            await page.open(address);
            await page.until(ready);
            assertEquals(
              await auditPage(page),
              [],
              `${name} ${scheme} ${device}`,
            );
            if (name === "package") await keep(page, `${scheme}-${device}.png`);
          }
        }
      }
      await page.prefer("light");
      await page.resize(960, 760);
      await page.open(`${url}?package=weather-1.4.0.psp`);
      await page.until(VERDICT);
      await keep(page, "page.webp");
    },
  );

  await t.step(
    "is the same as files on a server that knows no ranges",
    async () => {
      const { code, err } = await cli(["site", "dist", "public", "--quiet"], {
        cwd: dir.path,
      });
      assertEquals([code, err], [0, ""]);
      await using plain = listen(async (request) => {
        const url = new URL(request.url);
        const path = decodeURIComponent(url.pathname)
          .replace(/^\/below/, "").replace(/\/$/, "/index.html");
        const types: Record<string, string> = {
          html: "text/html",
          js: "text/javascript",
          css: "text/css",
          svg: "image/svg+xml",
          json: "application/json",
        };
        try {
          return new Response(await Deno.readFile(dir.at(`public${path}`)), {
            headers: {
              "content-type": types[path.split(".").at(-1) ?? ""] ??
                "application/octet-stream",
            },
          });
        } catch {
          return new Response("no such file", { status: 404 });
        }
      });
      await using page = await browser.newPage();
      await page.open(`${plain.url}below/`);
      await page.until(LISTED);
      await page.evaluate(
        "[...document.querySelectorAll('main a')].find((one) => one.innerText === 'weather 1.4.0').click()",
      );
      await page.until(VERDICT);
      assertStringIncludes(await page.text(".verdict"), "Verified");
      await openAll(page, "bin/");
      await page.open(`${plain.url}below/?package=weather-tampered.psp`);
      await page.until(VERDICT);
      assertStringIncludes(await page.text(".verdict"), "Do not run this");
      await assertQuiet(page, plain);
    },
  );
});

/** Opens what can be opened, by the beginnings of what it says. */
async function openAll(page: Page, ...names: readonly string[]): Promise<void> {
  for (const name of ["app", ...names]) {
    const open = `[...document.querySelectorAll("summary")].find((one) =>
      one.innerText.includes(${JSON.stringify(name)}) &&
      (one.querySelector(".name")?.innerText ?? ${JSON.stringify(name)}) === ${
      JSON.stringify(name)
    })`;
    await page.until(`${open} !== undefined`);
    await page.evaluate(`${open}.parentElement.open = true`);
  }
}
