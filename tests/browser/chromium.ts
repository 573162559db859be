import { findBrowser, FLAGS, removeProfile } from "./run_page.ts";

/** A browser that does not answer would hold up the tests for ever. */
const GIVE_UP_MS = 60_000;

const LISTENING_REGEXP =
  /DevTools listening on (ws:\/\/127\.0\.0\.1:[0-9]+\/\S+)/;

interface Message {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  // deno-lint-ignore no-explicit-any -- the protocol is the browser's
  readonly params?: any;
  // deno-lint-ignore no-explicit-any
  readonly result?: any;
  readonly error?: { readonly message: string };
}

type Parameters = Readonly<Record<string, unknown>>;

/** A headless Chromium that is told what to do, as its own tools do it. */
export class Chromium implements AsyncDisposable {
  readonly #socket: WebSocket;
  readonly #end: () => Promise<void>;
  readonly #calls = new Map<
    number,
    PromiseWithResolvers<Message["result"]>
  >();
  readonly #pages = new Map<string, Page>();
  #count = 0;

  private constructor(socket: WebSocket, end: () => Promise<void>) {
    this.#socket = socket;
    this.#end = end;
    socket.onmessage = ({ data }) => this.#take(JSON.parse(data));
    socket.onclose = () => {
      for (const { reject } of this.#calls.values()) {
        reject(new Error("the browser ended"));
      }
    };
  }

  /** Starts a browser with a profile of its own. */
  static async start(): Promise<Chromium> {
    const profile = await Deno.makeTempDir({ prefix: "flavor-browser-" });
    const child = new Deno.Command(await findBrowser(), {
      args: [
        ...FLAGS,
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        "about:blank",
      ],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
      env: { HOME: profile },
    }).spawn();
    const end = async (): Promise<void> => {
      try {
        child.kill("SIGTERM");
      } catch {
        // It ended by itself.
      }
      await child.status;
      await removeProfile(profile);
    };
    try {
      const socket = new WebSocket(await listeningAt(child.stderr));
      await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = reject;
      });
      return new Chromium(socket, end);
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** Opens an empty page. */
  async newPage(width = 1100, height = 900): Promise<Page> {
    const { targetId } = await this.call("Target.createTarget", {
      url: "about:blank",
    });
    const { sessionId } = await this.call("Target.attachToTarget", {
      targetId,
      flatten: true,
    });
    const page = new Page(this, sessionId, targetId);
    this.#pages.set(sessionId, page);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) {
      await page.call(`${domain}.enable`);
    }
    await page.resize(width, height);
    return page;
  }

  /** Calls a method of the protocol. */
  call(
    method: string,
    params: Parameters,
    sessionId?: string,
  ): Promise<Message["result"]> {
    const id = ++this.#count;
    const call = Promise.withResolvers<Message["result"]>();
    this.#calls.set(id, call);
    this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    return call.promise;
  }

  #take({ id, sessionId, method, params, result, error }: Message): void {
    if (id === undefined) {
      this.#pages.get(sessionId ?? "")?.take(method ?? "", params);
      return;
    }
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error === undefined) call?.resolve(result);
    else call?.reject(new Error(error.message));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
    await this.#end();
  }
}

async function listeningAt(
  stderr: ReadableStream<Uint8Array>,
): Promise<string> {
  let text = "";
  const timer = AbortSignal.timeout(GIVE_UP_MS);
  const [ours, rest] = stderr.tee();
  // What nobody reads would hold up the browser.
  void rest.pipeTo(new WritableStream()).catch(() => undefined);
  for await (
    const chunk of ours.pipeThrough(new TextDecoderStream() as TransformStream)
  ) {
    text += chunk;
    const found = LISTENING_REGEXP.exec(text)?.[1];
    if (found !== undefined) return found;
    timer.throwIfAborted();
  }
  throw new Error(`the browser does not listen: ${text}`);
}

/** One page of a browser, and what it did that a user would not see. */
export class Page {
  readonly #browser: Chromium;
  readonly #session: string;
  readonly #target: string;
  /** Every address that was asked for. */
  readonly requests: string[] = [];
  /** The ranges that were asked for, by address. */
  readonly ranges: string[] = [];
  /** What went wrong without anybody catching it, and what was forbidden. */
  readonly problems: string[] = [];
  #loaded = Promise.withResolvers<void>();

  constructor(browser: Chromium, session: string, target: string) {
    this.#browser = browser;
    this.#session = session;
    this.#target = target;
  }

  /** Calls a method of the protocol on this page. */
  call(method: string, params: Parameters = {}): Promise<Message["result"]> {
    return this.#browser.call(method, params, this.#session);
  }

  /** Takes down what the browser says about the page. */
  take(method: string, params: Message["params"]): void {
    switch (method) {
      case "Network.requestWillBeSent":
        this.requests.push(params.request.url);
        this.ranges.push(
          params.request.headers.range ?? params.request.headers.Range ?? "",
        );
        break;
      case "Runtime.exceptionThrown":
        this.problems.push(
          params.exceptionDetails.exception?.description ??
            params.exceptionDetails.text,
        );
        break;
      case "Log.entryAdded":
        if (params.entry.level === "error") {
          this.problems.push(`${params.entry.text} ${params.entry.url ?? ""}`);
        }
        break;
      case "Runtime.consoleAPICalled":
        this.problems.push(
          `console: ${
            params.args.map((one: { value?: unknown }) => one.value)
          }`,
        );
        break;
      case "Page.javascriptDialogOpening":
        this.problems.push(`dialog: ${params.message}`);
        void this.call("Page.handleJavaScriptDialog", { accept: true });
        break;
      case "Page.loadEventFired":
        this.#loaded.resolve();
        break;
    }
  }

  /** Goes to an address and waits until it is there. */
  async open(url: string): Promise<void> {
    this.#loaded = Promise.withResolvers();
    await this.call("Page.navigate", { url });
    await this.#loaded.promise;
  }

  /** What an expression comes to in the page. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) {
      throw new Error(
        exceptionDetails.exception?.description ?? exceptionDetails.text,
      );
    }
    return result.value;
  }

  /** Waits until an expression is true in the page. */
  async until(expression: string): Promise<void> {
    const deadline = performance.now() + GIVE_UP_MS;
    for (;;) {
      // Between two pages there is none.
      const value = await this.evaluate(expression).catch(() => false);
      if (value) return;
      if (performance.now() > deadline) {
        const text = await this.evaluate("document.body.innerText")
          .catch(String);
        throw new Error(
          `the page never got to ${expression}; it shows:\n${text}\n${
            this.problems.join("\n")
          }`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The text that somebody sees. */
  text(selector = "body"): Promise<string> {
    return this.evaluate(
      `document.querySelector(${JSON.stringify(selector)})?.innerText ?? ""`,
    );
  }

  /** Presses a key, as a person does. */
  async press(key: string): Promise<void> {
    const codes: Readonly<Record<string, readonly [number, string]>> = {
      Tab: [9, ""],
      Enter: [13, "\r"],
      " ": [32, " "],
      Escape: [27, ""],
      ArrowDown: [40, ""],
    };
    const [code, text] = codes[key] ?? [key.toUpperCase().charCodeAt(0), key];
    const event = {
      key,
      code: key === " " ? "Space" : key,
      windowsVirtualKeyCode: code,
      ...(text !== "" && { text }),
    };
    await this.call("Input.dispatchKeyEvent", { type: "keyDown", ...event });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  /** Drops files onto the middle of the page. */
  async drop(...files: readonly string[]): Promise<void> {
    const data = { items: [], files, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await this.call("Input.dispatchDragEvent", {
        type,
        x: 300,
        y: 300,
        data,
      });
    }
  }

  /** Chooses files in a field. */
  async choose(selector: string, ...files: readonly string[]): Promise<void> {
    const { result } = await this.call("Runtime.evaluate", {
      expression: `document.querySelector(${JSON.stringify(selector)})`,
    });
    await this.call("DOM.setFileInputFiles", {
      files,
      objectId: result.objectId,
    });
  }

  /** Sets the size of the window, in CSS pixels. */
  async resize(width: number, height: number, scale = 1): Promise<void> {
    await this.call("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: scale,
      mobile: width < 600,
    });
  }

  /** Chooses light or dark, as the system does. */
  async prefer(scheme: "light" | "dark"): Promise<void> {
    await this.call("Emulation.setEmulatedMedia", {
      features: [{ name: "prefers-color-scheme", value: scheme }],
    });
  }

  /** A picture of what is seen, or of all of the page. */
  async picture(
    options: {
      readonly whole?: boolean;
      readonly format?: "png" | "webp";
    } = {},
  ): Promise<Uint8Array> {
    const { data } = await this.call("Page.captureScreenshot", {
      format: options.format ?? "png",
      ...(options.format === "webp" && { quality: 80 }),
      captureBeyondViewport: options.whole ?? false,
    });
    return Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.call("Target.closeTarget", { targetId: this.#target });
  }
}
