/** The end of what a program says has the reason. */
const SHOWN_LINES = 20;
const SHOWN_COLUMNS = 400;

/**
 * Makes what another program printed fit for our messages: its colours and
 * cursor movements stay out, and so does everything but the end.
 */
export function readableOutput(output: Uint8Array): string {
  return new TextDecoder().decode(output)
    // deno-lint-ignore no-control-regex
    .replace(/\x1b\[[0-9;?]*[ -/]*[@-~]/g, "")
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "")
    .split("\n").map((line) => line.slice(0, SHOWN_COLUMNS).trimEnd())
    .filter((line) => line !== "").slice(-SHOWN_LINES).join("\n");
}
