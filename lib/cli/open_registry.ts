import { findCredentialsOn } from "../registry/credentials.ts";
import type { RegistryOptions } from "../registry/registry_client.ts";
import {
  openReference,
  type RegistrySource,
} from "../registry/registry_source.ts";
import type { CommandContext } from "./command_spec.ts";

/** How a registry is spoken to by commands. */
export function registryOptions(
  flags: { readonly "plain-http": boolean },
  { host }: CommandContext,
): RegistryOptions {
  return {
    plainHttp: flags["plain-http"],
    credentials: findCredentialsOn(host),
  };
}

/** Opens a package in a registry; of several the one for a platform. */
export async function openRegistry(
  location: string,
  flags: { readonly "plain-http": boolean },
  context: CommandContext,
  platform: string = context.host.machine.platform,
): Promise<RegistrySource> {
  const source = await openReference(location, {
    ...registryOptions(flags, context),
    platform,
  });
  const { digest, pieces } = source.stored;
  context.output.debug(
    `open ${source.name} (${digest}, ${pieces.length} pieces)`,
  );
  return source;
}
