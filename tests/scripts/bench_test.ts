import { assertEquals, assertThrows } from "@std/assert";
import {
  type BenchRow,
  isMet,
  valueFor,
} from "../../scripts/bench/bench_row.ts";
import { formatTable } from "../../scripts/bench/format_table.ts";
import { median, type RunSample } from "../../scripts/bench/spawner.ts";
import { bytesRead } from "../../scripts/bench/trace_start.ts";
import { parseCallPoints } from "../launcher/support/strace.ts";

const WARM: BenchRow = {
  what: "warm start",
  unit: "ms",
  ours: 1.25,
  other: { name: "bare program", value: 0.5 },
  compare: "difference",
  bar: { of: "difference", limit: 0.5, kind: "at most" },
  note: "a note",
};

Deno.test("isMet() judges the number that the bar is about", () => {
  assertEquals(valueFor(WARM, "difference"), 0.75);
  assertEquals(isMet(WARM), false);
  assertEquals(
    isMet({ ...WARM, bar: { of: "ratio", limit: 2.5, kind: "at most" } }),
    true,
  );
  assertEquals(
    isMet({ ...WARM, bar: { of: "ours", limit: 1.5, kind: "at least" } }),
    false,
  );
  assertEquals(isMet({ what: "x", unit: "ms", ours: 1 }), undefined);
});

Deno.test("formatTable() says what was missed, and prints a note once", () => {
  const table = formatTable([WARM, { ...WARM, ours: 0.75 }]);
  assertEquals(table.split("\n").slice(2), [
    "| warm start [1] | 1.25 ms | bare program: 0.50 ms | +0.75 ms | <= 0.50 ms: **missed** |",
    "| warm start [1] | 0.75 ms | bare program: 0.50 ms | +0.25 ms | <= 0.50 ms: met |",
    "",
    "[1] a note",
  ]);
});

Deno.test("median() takes the middle and refuses to make one up", () => {
  const samples = [9, 1, 5].map((ms): RunSample => ({
    ms,
    memory: 0,
    faults: 0,
  }));
  assertEquals(median(samples, "ms"), 5);
  assertThrows(() => median([], "ms"), RangeError);
});

Deno.test("bytesRead() counts reads of one file, whatever call made them", () => {
  const calls = [
    `execve("/p/a.psp", ["a"], 0x1 /* 2 vars */) = 0`,
    `pread64(3</p/a.psp>, "..."..., 8200, 123) = 8200`,
    `read(4</p/cache/launch>, "x", 100) = 100`,
    `read(3</p/a.psp>, "y", 10) = 7`,
    `read(3</p/a.psp>, "", 10) = 0`,
  ];
  assertEquals(bytesRead(calls, "/p/a.psp"), 8207);
});

Deno.test("parseCallPoints() counts each call in the thread that makes most of them", () => {
  const log = `10 openat(AT_FDCWD, "/a", O_RDONLY) = 3
11 openat(AT_FDCWD, "/b", O_RDONLY) = 3
10 openat(AT_FDCWD, "/c", O_RDONLY <unfinished ...>
11 flock(3, LOCK_EX) = 0
10 <... openat resumed>) = 4
`;
  assertEquals(parseCallPoints(log), [
    { call: "openat", nth: 1 },
    { call: "openat", nth: 2 },
    { call: "flock", nth: 1 },
  ]);
});
