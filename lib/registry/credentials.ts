import { decodeBase64 } from "@std/encoding/base64";
import { join } from "@std/path";
import { isPspfError, PspfError } from "../errors.ts";
import type {
  Environment,
  FileReader,
  Machine,
  ProcessRunner,
} from "../host/types.ts";

/** Who we are to a registry. */
export type Credentials =
  | { readonly user: string; readonly password: string }
  /** What is exchanged for tokens. */
  | { readonly refreshToken: string };

/** Finds the credentials for a repository of a registry, if there are any. */
export type FindCredentials = (
  registry: string,
  repository: string,
) => Promise<Credentials | undefined>;

/** What finding credentials needs of the machine. */
export interface CredentialHost {
  readonly reader: Pick<FileReader, "readBytes">;
  readonly env: Environment;
  readonly machine: Pick<Machine, "home">;
  readonly processes: Pick<ProcessRunner, "capture">;
}

const MAX_CONFIG_SIZE = 1024 * 1024;
const HELPER_TIMEOUT_MS = 60_000;

/** What other tools keep in `config.json`. */
interface Config {
  readonly auths?: Readonly<
    Record<
      string,
      { readonly auth?: unknown; readonly identitytoken?: unknown }
    >
  >;
  readonly credHelpers?: Readonly<Record<string, unknown>>;
  readonly credsStore?: unknown;
}

/**
 * Looks where other tools keep credentials: `REGISTRY_AUTH_FILE`, the
 * `config.json` in `DOCKER_CONFIG` or `~/.docker`, and `containers/auth.json` in
 * `XDG_RUNTIME_DIR`; and asks the helpers that are named there.
 */
export function findCredentialsOn(host: CredentialHost): FindCredentials {
  return async (registry, repository) => {
    for (const path of configPaths(host)) {
      const config = await readConfig(path, host);
      const found = config &&
        await findIn(config, path, registry, repository, host);
      if (found !== undefined) return found;
    }
    return undefined;
  };
}

function configPaths({ env, machine }: CredentialHost): readonly string[] {
  const named = env.get("REGISTRY_AUTH_FILE") ?? "";
  if (named !== "") return [named];
  const home = env.get("HOME") ?? machine.home ?? "";
  const docker = env.get("DOCKER_CONFIG") ?? "";
  const runtime = env.get("XDG_RUNTIME_DIR") ?? "";
  return [
    ...(docker !== ""
      ? [join(docker, "config.json")]
      : home !== ""
      ? [join(home, ".docker", "config.json")]
      : []),
    ...(runtime === "" ? [] : [join(runtime, "containers", "auth.json")]),
  ];
}

async function readConfig(
  path: string,
  { reader }: CredentialHost,
): Promise<Config | undefined> {
  try {
    const bytes = await reader.readBytes(path, MAX_CONFIG_SIZE);
    return JSON.parse(new TextDecoder().decode(bytes)) as Config;
  } catch (error) {
    if (isPspfError(error, "io/not-found")) return undefined;
    if (isPspfError(error)) throw error;
    throw new PspfError("io/failed", `Cannot read "${path}": it is not JSON`, {
      context: { path },
      hint: "Repair it, or name another file with REGISTRY_AUTH_FILE",
      cause: error,
    });
  }
}

async function findIn(
  config: Config,
  path: string,
  registry: string,
  repository: string,
  host: CredentialHost,
): Promise<Credentials | undefined> {
  const own = config.credHelpers?.[registry];
  const helper = own ?? config.credsStore;
  if (typeof helper === "string" && helper !== "") {
    const found = await askHelper(helper, registry, host);
    if (found !== undefined || own !== undefined) return found;
  }
  const { auths = {} } = config;
  const entries = Object.entries(auths).map(([key, value]) =>
    [nameOf(key), value] as const
  );
  // A repository may have its own; the longest name that fits is the nearest.
  for (let name = `${registry}/${repository}`; name !== "";) {
    const entry = entries.find(([key]) => key === name)?.[1];
    const { auth, identitytoken } = entry ?? {};
    if (typeof identitytoken === "string" && identitytoken !== "") {
      return { refreshToken: identitytoken };
    }
    if (typeof auth === "string" && auth !== "") return parseAuth(auth, path);
    name = name.slice(0, Math.max(0, name.lastIndexOf("/")));
  }
  return undefined;
}

/** Some write a URL where others write a host. */
function nameOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/(?:v[12]\/?)?$/, "");
}

function parseAuth(auth: string, path: string): Credentials {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(
      decodeBase64(auth),
    );
    const colon = text.indexOf(":");
    if (colon > 0) {
      return {
        user: text.slice(0, colon),
        password: text.slice(colon + 1).replace(/\0+$/, ""),
      };
    }
  } catch {
    // Told below.
  }
  throw new PspfError(
    "io/failed",
    `Cannot use "${path}": an "auth" in it is not USER:PASSWORD in base64`,
    { context: { path }, hint: "Log in again with the tool that wrote it" },
  );
}

async function askHelper(
  name: string,
  registry: string,
  { processes }: CredentialHost,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`;
  const refuse = (problem: string, cause?: unknown): PspfError =>
    new PspfError("run/cannot-execute", `Cannot use ${program}: ${problem}`, {
      context: { program },
      hint: "Check it, or remove it from config.json",
      cause,
    });
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw refuse("it is not a program");
  const { code, stdout } = await processes.capture(
    { program, args: ["get"], input: registry },
    HELPER_TIMEOUT_MS,
  );
  const text = new TextDecoder().decode(stdout);
  // The protocol has no other sign for it.
  if (/credentials not found/i.test(text)) return undefined;
  if (code !== 0) throw refuse(`it ended with ${code}`);
  try {
    const { Username: user, Secret: password } = JSON.parse(text);
    if (typeof user !== "string" || typeof password !== "string") {
      throw new TypeError("no Username and Secret");
    }
    return user === "<token>" ? { refreshToken: password } : { user, password };
  } catch (error) {
    throw refuse("what it prints is not what such helpers print", error);
  }
}
