import { generateKeyPair, PSPFBuilder, type SigningKey } from "@flavor/pspf";
import { encodePrivateKeyPem, keyPairFromSeed } from "@flavor/pspf/crypto";
import { PSPFReader } from "@flavor/pspf/read";
import { assertEquals } from "@std/assert";
import { toFileUrl } from "@std/path";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

async function signWith(key: SigningKey): Promise<Uint8Array> {
  const stream = new PSPFBuilder().setPackageName("a").setPackageVersion("1")
    .setLauncher(new Uint8Array(100)).withKeys(key).build();
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  await using reader = await PSPFReader.open(bytes);
  return reader.publicKey;
}

Deno.test("a key may be a pair, PEM text, bytes, a path, a URL, files or a seed", async () => {
  await using dir = await tempDir();
  const pair = await keyPairFromSeed("seed");
  const pem = encodePrivateKeyPem(pair.privateKey);
  const path = await dir.write("private.key", pem, 0o600);
  const keys: readonly SigningKey[] = [
    pair,
    pem,
    pair.privateKey,
    path,
    toFileUrl(path),
    { privateKeyPath: path },
    { seed: "seed" },
  ];
  for (const key of keys) assertEquals(await signWith(key), pair.publicKey);
});

Deno.test("a pair whose halves do not belong together signs nothing", async () => {
  const { privateKey } = await generateKeyPair();
  const { publicKey } = await generateKeyPair();
  await rejectsCode(
    "crypto/key-mismatch",
    () => signWith({ privateKey, publicKey }),
  );
});

Deno.test("a key that means nothing is an error that names it", async () => {
  await using dir = await tempDir();
  const empty = await dir.write("empty.key", "");
  const error = await rejectsCode("crypto/bad-key", () => signWith(empty));
  assertEquals(error.context["path"], empty);
  await rejectsCode("io/not-found", () => signWith(dir.at("missing")));
  await rejectsCode("usage/bad-argument", () => signWith({ seed: "" }));
});
