import { readFileSync } from "node:fs";
import { arch, cpus, release, totalmem, type } from "node:os";

/**
 * Names the machine, without which no number means anything.
 *
 * @param work Absolute path of a directory on the disk that is measured.
 * @returns One line.
 */
export function describeMachine(work: string): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  const model = cpu === undefined || cpu.model === ""
    ? arch()
    : cpu.model.trim();
  const parts = [
    `${navigator.hardwareConcurrency} x ${model}`,
    `${memory} GiB`,
    `${type()} ${release()}`,
    fileSystemOf(work),
    `Deno ${Deno.version.deno}`,
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** Type of the file system that holds a path; empty where the system does not say. */
function fileSystemOf(path: string): string {
  let mounts: string;
  try {
    mounts = readFileSync("/proc/self/mounts", "utf8");
  } catch {
    return "";
  }
  const fields = mounts.split("\n").map((line) => line.split(" "));
  const holding = fields.filter(([, point = "-"]) =>
    `${path}/`.startsWith(point === "/" ? "/" : `${point}/`)
  );
  holding.sort(([, a = ""], [, b = ""]) => b.length - a.length);
  return holding[0]?.[2] ?? "";
}
