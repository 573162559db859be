import { describe } from "./describe.ts";

// `exit N` ends with code N, `stdin` copies standard input: enough to see that
// a package passes everything through.
const [word, value] = Deno.args;
if (word === "exit") {
  Deno.exit(Number(value));
} else if (word === "stdin") {
  await Deno.stdin.readable.pipeTo(Deno.stdout.writable);
} else {
  console.log(JSON.stringify(describe(), null, 2));
}
