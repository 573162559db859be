import type { Host } from "../host/types.ts";
import type { Output } from "./output.ts";
import { formatCount } from "./text.ts";

/** What is worth a word at `debug`; everything else waits for `trace`. */
const SAYS: Readonly<Record<string, string>> = {
  openSource: "open",
  openTree: "list the directory",
  readBytes: "read",
  createSink: "write",
  createDirectory: "write the directory",
  makeTemporaryDirectory: "make a temporary directory",
  rename: "rename",
  remove: "remove",
  runInPlace: "start",
  runTool: "start",
  capture: "start",
};
const PARTS = ["reader", "writer", "locks", "processes"] as const;

/** The same host, which says what it is asked to do. */
export function watchHost(host: Host, output: Output): Host {
  const parts = PARTS.map((part) => [part, watch(host[part], output)]);
  return {
    ...host,
    ...Object.fromEntries(parts),
    within: (directory) => watchHost(host.within(directory), output),
  };
}

function watch<T extends object>(part: T, output: Output): T {
  return new Proxy(part, {
    get(target, key): unknown {
      const method: unknown = Reflect.get(target, key, target);
      if (typeof method !== "function") return method;
      const says = SAYS[String(key)];
      return (...args: readonly unknown[]): unknown => {
        // What the user tells an application is nobody's business.
        const what = describe(args[0], key !== "runInPlace");
        if (says === undefined) output.trace(`${String(key)} ${what}`);
        const given: unknown = method.apply(target, args);
        if (says === undefined) return given;
        if (!(given instanceof Promise)) return given;
        return given.then((value) => {
          output.debug(`${says} ${what}${sizeOf(value)}`);
          return value;
        }, (error) => {
          output.debug(`${says} ${what}: failed`);
          throw error;
        });
      };
    },
  });
}

/** A path, or a program with its arguments. */
function describe(argument: unknown, withArguments: boolean): string {
  if (typeof argument === "string") return JSON.stringify(argument);
  if (typeof argument !== "object" || argument === null) return "";
  const { program, args = [] } = argument as {
    readonly program?: string;
    readonly args?: readonly string[];
  };
  if (program === undefined) return "";
  const words = withArguments ? [program, ...args] : [program];
  return words.map((word) => JSON.stringify(word)).join(" ");
}

function sizeOf(value: unknown): string {
  if (value instanceof Uint8Array) {
    return ` (${formatCount(value.length, "byte")})`;
  }
  if (typeof value === "string") return ` as ${JSON.stringify(value)}`;
  if (typeof value !== "object" || value === null) return "";
  const { size, code } = value as {
    readonly size?: unknown;
    readonly code?: unknown;
  };
  if (typeof size === "number") return ` (${formatCount(size, "byte")})`;
  return typeof code === "number" ? `: exit code ${code}` : "";
}
