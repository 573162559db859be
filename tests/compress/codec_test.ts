import { assert } from "@std/assert";
import { getCodec } from "@flavor/pspf/compress";
import { Operation } from "@flavor/pspf/format";
import { throwsCode } from "../support/throws_code.ts";

for (const name of ["BZIP2", "XZ"] as const) {
  Deno.test(`getCodec() refuses to use ${name} and says what to use`, () => {
    const codec = getCodec(Operation[name]);
    for (const call of [() => codec.encode(), () => codec.decode()]) {
      const error = throwsCode("compress/unsupported", call);
      assert(error.message.includes(name.toLowerCase()));
      assert(error.hint?.includes("zstd"));
    }
  });
}
