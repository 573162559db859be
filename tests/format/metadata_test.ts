import { encodeMetadata } from "../../lib/format/metadata_document.ts";
import { type PackageMetadata, parseMetadata } from "@flavor/pspf/format";
import { assert, assertEquals } from "@std/assert";
import { throwsCode } from "../support/throws_code.ts";

const parse = (value: unknown): PackageMetadata =>
  parseMetadata(new TextEncoder().encode(JSON.stringify(value)));

const LEAST = { format: "PSPF/2025", package: { name: "a", version: "1" } };

const FULL: PackageMetadata = {
  format: "PSPF/2025",
  formatVersion: "1.0.0",
  package: { name: "a", version: "1", description: "d" },
  slots: [{
    slot: 0,
    id: "s",
    source: "s",
    target: "t",
    size: 1,
    checksum: "sha256:00",
    operations: "raw",
    purpose: "data",
    lifecycle: "runtime",
    permissions: "0644",
    resolution: "build",
    selfRef: true,
  }],
  execution: {
    primarySlot: 0,
    command: "c",
    argv: ["c", "d e"],
    args: ["x"],
    cwd: "{workenv}",
    env: { B: "2", A: "1" },
  },
  verification: {
    integritySeal: { required: true, algorithm: "ed25519" },
    signed: true,
    requireVerification: true,
    trustSignatures: { any: [1, null] },
  },
  build: {
    tool: "t",
    toolVersion: "1",
    timestamp: "1970-01-01T00:00:00+00:00",
    deterministic: true,
    platform: { os: "linux", arch: "amd64", host: "linux/amd64" },
  },
  launcher: {
    tool: "l",
    toolVersion: "1",
    size: 1,
    checksum: "sha256:00",
    capabilities: ["x"],
  },
  compatibility: { minFormatVersion: "1.0.0", features: ["f"] },
  cacheValidation: { checkFile: "f", expectedContent: "c" },
  runtime: {
    env: { unset: ["U"], map: { A: "B" }, set: { C: "D" }, pass: ["P*"] },
  },
  workenv: {
    directories: [{ path: "{workenv}/d", mode: "0700" }, { path: "e" }],
    env: { E: "1" },
    umask: "0022",
  },
  setupCommands: [{ type: "execute", command: "x" }],
  custom: { team: { name: "é" }, list: [1, 2.5, false, null] },
};

Deno.test("parseMetadata() reads back all that encodeMetadata() wrote", {
  permissions: "none",
}, () => {
  assertEquals(parseMetadata(encodeMetadata(FULL)), FULL);
});

Deno.test("encodeMetadata() does not depend on the order of maps", {
  permissions: "none",
}, () => {
  const other = {
    ...FULL,
    execution: { ...FULL.execution, env: { A: "1", B: "2" } },
  };
  assertEquals(encodeMetadata(other), encodeMetadata(FULL));
});

Deno.test("encodeMetadata() writes the environment under both names", {
  permissions: "none",
}, () => {
  const { execution } = JSON.parse(
    new TextDecoder().decode(encodeMetadata(FULL)),
  );
  assertEquals(execution.env, execution.environment);
  assertEquals(Object.keys(execution).slice(0, 2), ["primary_slot", "command"]);
});

Deno.test("parseMetadata() fills in what builders leave out", {
  permissions: "none",
}, () => {
  const metadata = parse({
    ...LEAST,
    execution: null,
    slots: null,
    setup_commands: null,
  });
  assertEquals(metadata.execution, { primarySlot: 0, command: "", env: {} });
  assertEquals(metadata.slots, []);
  assertEquals(metadata.formatVersion, "");
  assertEquals(metadata.setupCommands, []);
});

Deno.test(
  "parseMetadata() prefers env to environment",
  { permissions: "none" },
  () => {
    const env = (execution: unknown): unknown =>
      parse({ ...LEAST, execution }).execution.env;
    assertEquals(env({ env: { A: "1" }, environment: { A: "2" } }), { A: "1" });
    assertEquals(env({ env: null, environment: { A: "2" } }), { A: "2" });
  },
);

Deno.test("parseMetadata() is not confused by names of Object.prototype", {
  permissions: "none",
}, () => {
  const json =
    '{"format":"PSPF/2025","package":{"name":"a","version":"1","__proto__":{"x":1}},' +
    '"execution":{"env":{"__proto__":"p","constructor":"c"}}}';
  const { env } = parseMetadata(new TextEncoder().encode(json)).execution;
  assertEquals(Object.entries(env), [["__proto__", "p"], ["constructor", "c"]]);
  throwsCode(
    "format/bad-metadata",
    () => parse({ ...LEAST, package: { toString: "x" } }),
  );
});

const WRONG: Record<string, unknown> = {
  "format": { ...LEAST, format: 1 },
  "package": { format: "PSPF/2025" },
  "package.name": { ...LEAST, package: { version: "1" } },
  "package.version": { ...LEAST, package: { name: "a", version: 1 } },
  "slots": { ...LEAST, slots: {} },
  "slots[0]": { ...LEAST, slots: ["x"] },
  "slots[0].id": { ...LEAST, slots: [{ target: "t", checksum: "" }] },
  "slots[0].checksum": { ...LEAST, slots: [{ id: "a", target: "t" }] },
  "slots[0].size": {
    ...LEAST,
    slots: [{ id: "a", target: "t", checksum: "", size: -1 }],
  },
  "execution": { ...LEAST, execution: [] },
  "execution.primary_slot": { ...LEAST, execution: { primary_slot: 0.5 } },
  "execution.env": { ...LEAST, execution: { env: { A: 1 } } },
  "execution.environment": {
    ...LEAST,
    execution: { env: {}, environment: [] },
  },
  "execution.cwd": { ...LEAST, execution: { cwd: 1 } },
  "execution.argv": { ...LEAST, execution: { argv: "x" } },
  "workenv.directories[0].path": { ...LEAST, workenv: { directories: [{}] } },
  "workenv.umask": { ...LEAST, workenv: { umask: 18 } },
  "runtime.env.pass[0]": { ...LEAST, runtime: { env: { pass: [1] } } },
};

for (const [path, document] of Object.entries(WRONG)) {
  Deno.test(`parseMetadata() names ${path} when it is wrong`, {
    permissions: "none",
  }, () => {
    const error = throwsCode("format/bad-metadata", () => parse(document));
    assertEquals(error.context["path"], path);
    assert(error.message.includes(path), error.message);
  });
}

Deno.test("parseMetadata() accepts nesting up to 64 and no more", {
  permissions: "none",
}, () => {
  const nested = (depth: number): Uint8Array => {
    const value = "[".repeat(depth) + "]".repeat(depth);
    const json = JSON.stringify(LEAST).replace("{", `{"x":${value},`);
    return new TextEncoder().encode(json);
  };
  parseMetadata(nested(63));
  throwsCode("format/bad-metadata", () => parseMetadata(nested(64)));
});

Deno.test("parseMetadata() ignores brackets and colons inside of strings", {
  permissions: "none",
}, () => {
  const text = '[[{"a": ] } \\" : ';
  assertEquals(parse({ ...LEAST, custom: { "k:[": text } }).custom, {
    "k:[": text,
  });
});

Deno.test(
  "parseMetadata() refuses whole numbers that are not written as such",
  {
    permissions: "none",
  },
  () => {
    const encode = (size: string): Uint8Array =>
      new TextEncoder().encode(
        JSON.stringify({
          ...LEAST,
          custom: { ratio: 1 },
          launcher: { size: 1 },
        })
          .replace('"ratio":1', '"ratio":1.0')
          .replace('"size":1', `"size":${size}`),
      );
    for (const size of ["1.0", "1e3", "1E+3", "-0", "0.0", "1.5"]) {
      const error = throwsCode(
        "format/bad-metadata",
        () => parseMetadata(encode(size)),
      );
      assertEquals(error.context["path"], "launcher.size", size);
    }
    const { launcher, custom } = parseMetadata(encode("1000"));
    assertEquals(launcher?.size, 1000);
    assertEquals(custom, { ratio: 1 });
  },
);
