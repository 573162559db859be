import { assert, assertEquals, assertMatch } from "@std/assert";

import { createConsoleOutput, type OutputSettings } from "../../lib/cli/mod.ts";
import {
  barLine,
  type ProgressBar,
  type ProgressHost,
  startProgressBar,
  startProgressLines,
} from "../../lib/cli/progress.ts";

const PERMISSIONS = { permissions: "none" } as const;
const CLEAR_LINE = "\r\x1b[K";

/** A terminal whose time passes when it is told to, timers included. */
class FakeTime implements ProgressHost {
  now = 0;
  text = "";
  timers: {
    due: number;
    readonly every: number;
    readonly action: () => void;
  }[] = [];
  readonly clock = { now: () => this.now, monotonic: () => this.now };
  readonly terminal = {
    stdinIsTerminal: true,
    stdoutIsTerminal: true,
    stderrIsTerminal: true,
    columns: () => 200,
    writeOut: () => {},
    writeOutBytes: () => true,
    writeError: (part: string) => {
      this.text += part;
    },
  };
  readonly schedule = (every: number, action: () => void): Disposable => {
    const timer = { due: this.now + every, every, action };
    this.timers.push(timer);
    return {
      [Symbol.dispose]: () => {
        this.timers = this.timers.filter((one) => one !== timer);
      },
    };
  };

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end;) {
      this.now++;
      for (const timer of this.timers.filter(({ due }) => due === this.now)) {
        timer.due += timer.every;
        timer.action();
      }
    }
  }

  /** Every state that was drawn. */
  get drawn(): readonly string[] {
    return this.text.split(CLEAR_LINE).filter((line) => line !== "");
  }
}

function startBar(time: FakeTime, total = 100): ProgressBar {
  return startProgressBar("packing", total, time);
}

Deno.test(
  "a progress bar shows nothing of work that is over in half a second",
  PERMISSIONS,
  () => {
    const time = new FakeTime();
    {
      using bar = startBar(time);
      for (const done of [1, 50, 100]) {
        bar.update(done);
        time.pass(160);
      }
    }
    assertEquals([time.text, time.timers.length], ["", 0]);
  },
);

Deno.test(
  "a progress bar draws at most five times a second and clears its line",
  PERMISSIONS,
  () => {
    const time = new FakeTime();
    {
      using bar = startBar(time);
      for (let done = 0; done < 100; done++) {
        bar.update(done);
        time.pass(10);
      }
    }
    assert(time.drawn.length >= 2 && time.drawn.length <= 4, time.text);
    assertEquals(time.text.endsWith(CLEAR_LINE), true);
  },
);

Deno.test(
  "a progress bar is drawn again at least every 200 ms while nothing is reported, and its time left grows",
  PERMISSIONS,
  () => {
    const time = new FakeTime();
    using bar = startBar(time, 1 << 30);
    time.pass(1000);
    bar.update(1 << 28);
    const before = time.drawn.length;
    time.pass(4000);
    assert(time.drawn.length - before >= 19, `${time.drawn.length - before}`);
    const left = time.drawn.map((line) => /(\S+ \w+) left$/.exec(line)?.[1]);
    assertEquals(left.at(-1), "15 s");
    assertEquals(new Set(left.slice(before)).size > 10, true, `${left}`);
  },
);

Deno.test(
  "a progress bar names no time left before the first byte and behind the last",
  PERMISSIONS,
  () => {
    const time = new FakeTime();
    using bar = startBar(time);
    time.pass(600);
    bar.update(100);
    time.pass(600);
    for (const line of time.drawn) assert(!line.includes("left"), line);
  },
);

Deno.test(
  "progress for a log is a whole line now and then, and none of short work",
  PERMISSIONS,
  () => {
    const time = new FakeTime();
    {
      using lines = startProgressLines("packing", 100, time);
      lines.update(1);
      time.pass(9_999);
      lines.update(50);
      assertEquals(time.text, "");
      time.pass(1);
      time.pass(2_000);
      lines.next("writing", 0);
      lines.update(64);
      time.pass(8_000);
    }
    assertEquals(
      time.text,
      "packing: 50 %, 50 B of 100 B, 5 B/s, 10 s left\n" +
        "writing: 64 B, 8 B/s\n",
    );
  },
);

/** What a minute of work draws with some flags and some environment. */
function minute(
  settings: Partial<OutputSettings>,
  env: Readonly<Record<string, string>> = {},
  isTerminal = true,
): string {
  const time = new FakeTime();
  const output = createConsoleOutput(
    {
      terminal: {
        ...time.terminal,
        stderrIsTerminal: isTerminal,
        readIn: () => Promise.resolve(new Uint8Array()),
        readSecret: () => undefined,
      },
      env: { get: (name) => env[name] },
      clock: time.clock,
    },
    {
      json: false,
      quiet: false,
      color: "auto",
      logLevel: "info",
      progress: true,
      ...settings,
    },
    time.schedule,
  );
  using bar = output.progress("packing", 60);
  for (let second = 0; second < 60; second++) {
    bar.update(second);
    time.pass(1000);
  }
  return time.text;
}

Deno.test(
  "progress is a bar in a terminal, lines in a log, and nothing where nobody asked",
  PERMISSIONS,
  () => {
    assertEquals(minute({}).includes(`${CLEAR_LINE}packing  [`), true);
    for (const log of [minute({}, {}, false), minute({}, { CI: "true" })]) {
      assertEquals(log.includes("\r") || log.includes("\x1b"), false);
      assertEquals(log.split("\n").length, 7);
    }
    for (
      const settings of [
        { quiet: true },
        { json: true },
        { progress: false },
        { logLevel: "warn" },
      ] as const
    ) {
      assertEquals(minute(settings), "");
    }
  },
);

Deno.test("barLine() tells part, rate and time left", PERMISSIONS, () => {
  assertMatch(
    barLine("x", 50, 100, 1000, 200),
    /^x {2}\[#{12}-{12}\] {2}50 % {2}50 B of 100 B {2}50 B\/s {2}1 s left$/,
  );
  assertMatch(barLine("x", 2048, 0, 1000, 200), /^x {2}2 KiB {2}2 KiB\/s$/);
  const narrow = barLine("packing", 300 << 20, 1 << 30, 20_000, 79);
  assertEquals(
    narrow,
    "packing  [###--------]  29 %  300 MiB of 1 GiB  15 MiB/s  49 s left",
  );
  assertEquals(
    barLine("packing", 50, 100, 1000, 40),
    "packing  50 %  50 B of 100 B  50 B/s  1 s left",
  );
});
