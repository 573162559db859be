import { encodeHex } from "@std/encoding/hex";
import { fromFileUrl } from "@std/path";
import { PspfError } from "../errors.ts";
import { BlobSource } from "../io/blob_source.ts";
import { borrowSource } from "../io/borrow_source.ts";
import { BytesSource } from "../io/bytes_source.ts";
import { streamFrom } from "../io/stream_from.ts";
import type { BuildPlan, SlotSpec } from "../manifest/build_plan.ts";
import { buildPackage } from "./build_package.ts";
import {
  type BuilderMetadata,
  type BuilderSlot,
  isFileTree,
  mergeMetadata,
  planFromBuilder,
  type SlotData,
  slotDataPath,
  type SlotDescriptor,
} from "./builder_plan.ts";
import { isKeyPath, type SigningKey } from "./key_files.ts";
import { type HostOptions, loadHost, type PackHost } from "./pack_host.ts";
import {
  type BuildResult,
  isLauncherPath,
  type LauncherInput,
  type PackSettings,
  packToFile,
  prepareBuild,
} from "./pack_to_file.ts";
import type { StoredSlot } from "./package_tail.ts";
import type { FoundSource } from "./slot_source.ts";
import { openSourcePath } from "./source_opener.ts";

/**
 * Puts a package together in code.
 *
 * A builder is changed by its methods, and each of them returns the builder
 * itself: statements and chains do the same. Nothing is checked before
 * {@linkcode PSPFBuilder.build}, which then names everything that is wrong at
 * once, and which takes a snapshot: a builder can go on being changed, and can
 * build any number of times. {@linkcode PSPFBuilder.clone} makes variants.
 *
 * The machine is only used for paths. A builder that is given bytes and builds
 * a stream needs no permission.
 *
 * @example Build in memory, and read it back
 * ```ts
 * import { PSPFBuilder, PSPFReader } from "@flavor/pspf";
 * import { assertEquals } from "@std/assert";
 *
 * const stream = new PSPFBuilder()
 *   .setPackageName("hello")
 *   .setPackageVersion("1.0.0")
 *   .setMetadata({ execution: { command: "sh {workenv}/hello.sh" } })
 *   .addSlot({ name: "hello.sh" }, new TextEncoder().encode("echo hello\n"))
 *   .setLauncher(new TextEncoder().encode("launcher"))
 *   .build();
 * const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
 *
 * await using reader = await PSPFReader.open(bytes);
 * assertEquals(reader.metadata.package.name, "hello");
 * ```
 */
export class PSPFBuilder {
  readonly #host: PackHost | undefined;
  #name: string | undefined;
  #version: string | undefined;
  #metadata: BuilderMetadata = {};
  #slots: readonly BuilderSlot[] = [];
  #settings: PackSettings = {};

  /**
   * Makes an empty builder.
   *
   * @param options The machine, where it is not the one that runs this.
   */
  constructor(options: HostOptions = {}) {
    this.#host = options.host;
  }

  /**
   * Names the application.
   *
   * @param name The name.
   * @returns The builder.
   */
  setPackageName(name: string): this {
    this.#name = name;
    return this;
  }

  /**
   * Gives the application's version.
   *
   * @param version The version.
   * @returns The builder.
   */
  setPackageVersion(version: string): this {
    this.#version = version;
    return this;
  }

  /**
   * Adds metadata to what is there: tables are merged key by key at every
   * depth, everything else is replaced.
   *
   * @param metadata Sections; your own go below `custom`.
   * @returns The builder.
   *
   * @example Two calls, one section
   * ```ts
   * import { PSPFBuilder } from "@flavor/pspf";
   * import { assertEquals } from "@std/assert";
   *
   * const plan = new PSPFBuilder().setPackageName("hello").setPackageVersion("1")
   *   .setMetadata({ execution: { command: "true" }, custom: { team: { name: "a" } } })
   *   .setMetadata({ custom: { team: { room: 7 } } })
   *   .plan();
   * assertEquals(plan.custom, { team: { name: "a", room: 7 } });
   * ```
   */
  setMetadata(metadata: BuilderMetadata): this {
    this.#metadata = mergeMetadata(this.#metadata, metadata);
    return this;
  }

  /**
   * Appends a slot.
   *
   * @param descriptor What it is; only the name is needed.
   * @param data What is in it. A stream is read by the first build only.
   * @returns The builder.
   */
  addSlot(descriptor: SlotDescriptor, data: SlotData): this {
    this.#slots = [...this.#slots, { descriptor, data }];
    return this;
  }

  /**
   * Chooses the program at the front. By default it is found for this machine:
   * Rust first, then Go.
   *
   * @param launcher Its bytes, its path, or a platform like `linux_arm64`.
   * @returns The builder.
   */
  setLauncher(launcher: LauncherInput): this {
    return this.withOptions({ launcher });
  }

  /**
   * Chooses the key to sign with. By default one is made for each build, which
   * proves integrity, but not origin.
   *
   * @param key A pair, PEM text, raw bytes, the path of a key file, or a seed.
   * @returns The builder.
   */
  withKeys(key: SigningKey): this {
    return this.withOptions({ key });
  }

  /**
   * Adds settings to those that are there.
   *
   * @param settings The settings.
   * @returns The builder.
   */
  withOptions(settings: PackSettings): this {
    this.#settings = { ...this.#settings, ...settings };
    return this;
  }

  /**
   * Copies the builder.
   *
   * @returns An independent builder with the same settings.
   */
  clone(): PSPFBuilder {
    const copy = new PSPFBuilder({ host: this.#host });
    copy.#name = this.#name;
    copy.#version = this.#version;
    copy.#metadata = this.#metadata;
    copy.#slots = this.#slots;
    copy.#settings = this.#settings;
    return copy;
  }

  /**
   * Checks everything that can be checked without looking at a source.
   *
   * @returns What would be built.
   * @throws {PspfError} `manifest/invalid` with every problem in
   * `context.problems`
   */
  plan(): BuildPlan {
    return planFromBuilder({
      name: this.#name,
      version: this.#version,
      metadata: this.#metadata,
      slots: this.#slots,
      portable: this.#settings.portable ?? false,
    });
  }

  /**
   * Builds the package as a stream, in one pass and constant memory. The work
   * begins when the stream is read.
   *
   * @returns The package; the stream errors with a `PspfError`.
   * @throws {PspfError} `manifest/invalid`
   */
  build(): ReadableStream<Uint8Array>;
  /**
   * Builds the package into a file, which is verified before it gets its name:
   * there is a whole package, or none.
   *
   * @param path Where it goes; directories are created.
   * @returns What was built.
   * @throws {PspfError} `manifest/invalid`, `io/*`, `launcher/*`, `crypto/*`,
   * `build/*`
   */
  build(path: string | URL): Promise<BuildResult>;
  build(
    path?: string | URL,
  ): ReadableStream<Uint8Array> | Promise<BuildResult> {
    return path === undefined
      ? streamFrom(this.clone().#stream(this.plan()))
      : this.#write(path instanceof URL ? fromFileUrl(path) : path);
  }

  /** A wrong configuration rejects as well, instead of throwing. */
  async #write(output: string): Promise<BuildResult> {
    const plan = this.plan();
    const slots = this.#slots;
    const settings = this.#settings;
    const host = this.#host ?? await loadHost();
    return await packToFile(
      {
        plan,
        output,
        inputs: [],
        openSource: (spec) => openSlotData(slots, spec, host, output),
        onSlots: (stored) => checkExpectations(slots, stored),
      },
      settings,
      host,
    );
  }

  async *#stream(
    plan: BuildPlan,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const slots = this.#slots;
    const settings = this.#settings;
    const usesPaths = slots.some(({ data }) => slotDataPath(data)) ||
      isLauncherPath(settings.launcher) || isKeyPath(settings.key) ||
      settings.cache !== undefined;
    const host = this.#host ?? (usesPaths ? await loadHost() : undefined);
    await using prepared = await prepareBuild(
      settings,
      (spec) => openSlotData(slots, spec, host, undefined),
      async () => host ?? await loadHost(),
    );
    yield* buildPackage(plan, {
      ...prepared.options,
      onSlots: (stored) => checkExpectations(slots, stored),
    });
  }
}

/** What a stream was read into before: it gives its bytes only once. */
const taken = new WeakSet<ReadableStream<Uint8Array>>();

async function openSlotData(
  slots: readonly BuilderSlot[],
  { id }: SlotSpec,
  host: PackHost | undefined,
  output: string | undefined,
): Promise<FoundSource> {
  const data = slots.find(({ descriptor }) => descriptor.name === id)?.data;
  if (data === undefined) throw new TypeError(`no slot "${id}"`);
  const path = slotDataPath(data);
  if (path !== undefined) {
    const { reader } = host ?? await loadHost();
    const target = output === undefined ? undefined : reader.absolute(output);
    return await openSourcePath(reader, path, target);
  }
  if (data instanceof ReadableStream) {
    checkUnread(data, id);
    return { kind: "stream", stream: data };
  }
  const content = data as Exclude<typeof data, string | URL>;
  if (isFileTree(content)) return { kind: "directory", tree: content };
  const source = content instanceof Uint8Array
    ? new BytesSource(content, id)
    : content instanceof Blob
    ? new BlobSource(content, id)
    // The caller's own: it is the caller who closes it.
    : borrowSource(content);
  return { kind: "file", mode: 0o644, open: () => Promise.resolve(source) };
}

function checkUnread(stream: ReadableStream<Uint8Array>, name: string): void {
  if (!taken.has(stream) && !stream.locked) return void taken.add(stream);
  throw new PspfError(
    "build/failed",
    `Cannot pack slot "${name}": its stream was read before`,
    {
      context: { slot: name },
      hint:
        "Give a new stream to each build, or a Blob, which can be read again",
    },
  );
}

/** Compares slots with what was expected of them. */
function checkExpectations(
  expected: readonly BuilderSlot[],
  stored: readonly StoredSlot[],
): void {
  for (const [index, { descriptor }] of expected.entries()) {
    const slot = stored[index];
    if (slot === undefined) continue;
    const { name, offset, size, checksum = "" } = descriptor;
    const digest = checksum instanceof Uint8Array
      ? encodeHex(checksum)
      : checksum.replace(/^(?:sha256:)*/, "").toLowerCase();
    check(name, "offset", offset || undefined, slot.offset);
    check(name, "size", size || undefined, slot.size);
    check(name, "checksum", digest || undefined, encodeHex(slot.digest));
  }
}

function check(
  slot: string,
  what: string,
  expected: number | string | undefined,
  actual: number | string,
): void {
  if (expected === undefined || expected === actual) return;
  throw new PspfError(
    "build/failed",
    `Slot "${slot}" was expected to have the ${what} ${expected}, but has ${actual}`,
    {
      context: { slot, field: what, expected, actual },
      hint:
        `Leave ${what} out of its descriptor, or look at what changed in its data`,
    },
  );
}
