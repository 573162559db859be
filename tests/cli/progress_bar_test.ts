import { assertEquals, assertMatch } from "@std/assert";

import {
  barLine,
  startProgressBar,
  startProgressLines,
} from "../../lib/cli/progress_bar.ts";
import { createConsoleOutput } from "../../lib/cli/console_output.ts";
import type { OutputSettings } from "../../lib/cli/output.ts";
import { formatSize } from "../../lib/cli/format_size.ts";
import { parseAge, parseSize } from "../../lib/cli/parse_amount.ts";
import { throwsCode } from "../support/throws_code.ts";

const PERMISSIONS = { permissions: "none" } as const;

function drawn(steps: readonly (readonly [number, number])[]): string {
  let now = 0;
  let text = "";
  const terminal = {
    stdinIsTerminal: true,
    stdoutIsTerminal: true,
    stderrIsTerminal: true,
    columns: () => 200,
    writeOut: () => {},
    writeError: (part: string) => {
      text += part;
    },
  };
  const clock = { now: () => now, monotonic: () => now };
  {
    using bar = startProgressBar("packing", 100, terminal, clock);
    for (const [at, done] of steps) {
      now = at;
      bar.update(done);
    }
  }
  return text;
}

Deno.test(
  "a progress bar shows nothing of work that is over in half a second",
  PERMISSIONS,
  () => {
    assertEquals(drawn([[0, 1], [100, 50], [499, 100]]), "");
  },
);

Deno.test(
  "a progress bar draws at most ten times a second and clears its line",
  PERMISSIONS,
  () => {
    const text = drawn([[500, 10], [520, 20], [599, 30], [600, 40]]);
    assertEquals(text.split("packing").length - 1, 2);
    assertEquals(text.endsWith("\r\x1b[K"), true);
  },
);

Deno.test(
  "progress for a log is a whole line now and then, and none of short work",
  PERMISSIONS,
  () => {
    let now = 0;
    let text = "";
    const lines = startProgressLines(
      "packing",
      100,
      { writeError: (part) => text += part },
      { now: () => now, monotonic: () => now },
    );
    for (
      const [at, done] of [[0, 1], [9_999, 40], [10_000, 50], [12_000, 60]]
    ) {
      now = at ?? 0;
      lines.update(done ?? 0);
    }
    lines.next("writing", 0);
    now = 20_000;
    lines.update(64);
    lines[Symbol.dispose]();
    assertEquals(
      text,
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
  let now = 0;
  let text = "";
  const output = createConsoleOutput({
    terminal: {
      stdinIsTerminal: isTerminal,
      stdoutIsTerminal: isTerminal,
      stderrIsTerminal: isTerminal,
      columns: () => 200,
      writeOut: () => {},
      writeError: (part) => text += part,
    },
    env: { get: (name) => env[name] },
    clock: { now: () => now, monotonic: () => now },
  }).configured({
    json: false,
    quiet: false,
    color: "auto",
    logLevel: "info",
    progress: true,
    ...settings,
  });
  using bar = output.progress("packing", 60);
  for (; now < 60_000; now += 1000) bar.update(now / 1000);
  return text;
}

Deno.test(
  "progress is a bar in a terminal, lines in a log, and nothing where nobody asked",
  PERMISSIONS,
  () => {
    assertEquals(minute({}).includes("\r\x1b[Kpacking  ["), true);
    for (const log of [minute({}, {}, false), minute({}, { CI: "true" })]) {
      assertEquals(log.includes("\r") || log.includes("\x1b"), false);
      assertEquals(log.split("\n").length, 6);
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
    barLine("x", 50, 100, 1000),
    /^x {2}\[#{12}-{12}\] {2}50 % {2}50 B of 100 B {2}50 B\/s {2}1 s left$/,
  );
  assertMatch(barLine("x", 2048, 0, 1000), /^x {2}2 KiB {2}2 KiB\/s$/);
});

Deno.test("formatSize() counts in powers of 1024", PERMISSIONS, () => {
  assertEquals([0, 1023, 1024, 1_572_864].map(formatSize), [
    "0 B",
    "1,023 B",
    "1 KiB",
    "1.5 MiB",
  ]);
});

Deno.test(
  "parseAge() and parseSize() read units and refuse anything else",
  PERMISSIONS,
  () => {
    assertEquals(["90s", "5m", "12h", "30d", "2w", "3"].map(parseAge), [
      90_000,
      300_000,
      43_200_000,
      2_592_000_000,
      1_209_600_000,
      259_200_000,
    ]);
    assertEquals(["10", "1K", "1.5M", "2GiB"].map(parseSize), [
      10,
      1024,
      1_572_864,
      2_147_483_648,
    ]);
    for (const text of ["", "x", "-1d", "1y", "1e9"]) {
      throwsCode("usage/bad-argument", () => parseAge(text));
      throwsCode("usage/bad-argument", () => parseSize(text));
    }
  },
);
