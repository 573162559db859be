import { PSPFBuilder } from "@flavor/pspf";
import { assertEquals } from "@std/assert";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("a package that PSPFBuilder built starts, and has what it was given", async () => {
  await using dir = await tempDir();
  await dir.write("app/greet.sh", 'echo "$GREETING, $1 and $(cat "$2")"\n');
  const { path } = await new PSPFBuilder()
    .setPackageName("greeter")
    .setPackageVersion("1.0.0")
    .setMetadata({
      execution: {
        argv: ["sh", "{workenv}/app/greet.sh"],
        args: ["world", "{workenv}/etc/name"],
        env: { GREETING: "hello" },
      },
    })
    .addSlot({ name: "app" }, dir.at("app"))
    .addSlot(
      { name: "name", target: "etc/name" },
      new Blob(["everybody else"]).stream(),
    )
    .build(dir.at("greeter.psp"));
  const { code, stdout, stderr } = await new Deno.Command(path, {
    env: { FLAVOR_CACHE: dir.at("cache"), FLAVOR_VALIDATION: "strict" },
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  assertEquals(decoder.decode(stdout), "hello, world and everybody else\n");
});
