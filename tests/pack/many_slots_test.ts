import { assertEquals } from "@std/assert";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("a build holds few files open, however many slots it has", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using dir = await tempDir();
  const program = `
    import { PSPFBuilder, verifyPackage } from "@flavor/pspf";
    const builder = new PSPFBuilder().setPackageName("a").setPackageVersion("1")
      .setLauncher(new TextEncoder().encode("flavor-rs-launcher/1 pspf-2025 ops=raw,tar,gzip,zstd;"));
    for (let n = 0; n < 300; n++) {
      const path = ${JSON.stringify(dir.path)} + "/" + n;
      Deno.writeTextFileSync(path, "slot " + n);
      builder.addSlot({ name: "s" + n }, path);
    }
    const { path } = await builder.build(${JSON.stringify(dir.at("a.psp"))});
    console.log((await verifyPackage(path)).valid);
  `;
  const script = await dir.write("program.ts", program);
  const root = new URL("../..", import.meta.url);
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: [
      "-c",
      'ulimit -n 100 && exec "$0" run --quiet --no-check --no-prompt --allow-read --allow-write --config=deno.json "$1"',
      Deno.execPath(),
      script,
    ],
    cwd: root,
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  assertEquals(new TextDecoder().decode(stdout), "true\n");
});
