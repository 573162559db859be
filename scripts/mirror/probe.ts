/**
 * Prints `jsr` when JSR answers within three seconds, else `mirror`.
 *
 * Deno knows where JSR is, so a second Deno is asked for one tiny module
 * instead of naming a host here.
 */

const signal = AbortSignal.timeout(3000);
const args = [
  "info",
  "--no-config",
  "--no-lock",
  "--reload",
  "jsr:@std/bytes@^1.0.6/concat",
];
let answered = false;
try {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args,
    signal,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  answered = success && !signal.aborted;
} catch (error) {
  if (!signal.aborted) throw error;
}
console.log(answered ? "jsr" : "mirror");
