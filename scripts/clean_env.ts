/**
 * Loaded before the command line: takes back what scripts/dev put into the
 * environment, which must not reach the programs that `flavor` starts.
 */

for (const name of (Deno.env.get("FLAVOR_DEV_ENV") ?? "").split(" ")) {
  if (name !== "") Deno.env.delete(name);
}
Deno.env.delete("FLAVOR_DEV_ENV");
