import { fromFileUrl } from "@std/path";
import type { KeyPair } from "../crypto/ed25519.ts";
import { MemorySpool } from "../io/memory_spool.ts";
import type { SpoolFactory } from "../io/spool.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildOptions } from "./build_options.ts";
import { buildPackage } from "./build_package.ts";
import {
  type BuildResult,
  checkExpectations,
  describeSlots,
} from "./build_result.ts";
import type { BuilderHost } from "./builder_host.ts";
import {
  type LauncherChoice,
  launcherRequest,
  openLauncher,
} from "./builder_launcher.ts";
import { type BuilderMetadata, mergeMetadata } from "./builder_metadata.ts";
import type { BuilderOptions } from "./builder_options.ts";
import { type BuilderSlot, planFromBuilder } from "./builder_plan.ts";
import { loadDefaultHost } from "./default_host.ts";
import { type HostOptions, type KeyChoice, resolveKey } from "./key_files.ts";
import { openSlotCache } from "./slot_cache.ts";
import { openSlotData, type SlotData, slotDataPath } from "./slot_data.ts";
import type { SlotDescriptor } from "./slot_descriptor.ts";
import type { SlotSourceOpener } from "./slot_source.ts";
import { openSourcePath } from "./source_opener.ts";
import { writePackage } from "./write_package.ts";

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
 * assertEquals(reader.readMetadata().package.name, "hello");
 * ```
 */
export class PSPFBuilder {
  readonly #host: BuilderHost | undefined;
  #name: string | undefined;
  #version: string | undefined;
  #metadata: BuilderMetadata = {};
  #slots: readonly BuilderSlot[] = [];
  #launcher: LauncherChoice | undefined;
  #key: KeyChoice | undefined;
  #options: BuilderOptions = {};

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
  setLauncher(launcher: LauncherChoice): this {
    this.#launcher = launcher;
    return this;
  }

  /**
   * Chooses the key to sign with. By default one is made for each build, which
   * proves integrity, but not origin.
   *
   * @param key A pair, the paths of key files, or a seed.
   * @returns The builder.
   */
  withKeys(key: KeyChoice): this {
    this.#key = key;
    return this;
  }

  /**
   * Adds settings to those that are there.
   *
   * @param options The settings.
   * @returns The builder.
   */
  withOptions(options: BuilderOptions): this {
    this.#options = { ...this.#options, ...options };
    return this;
  }

  /**
   * Copies the builder.
   *
   * @returns A builder of its own with the same settings.
   */
  clone(): PSPFBuilder {
    const copy = new PSPFBuilder(
      this.#host === undefined ? {} : { host: this.#host },
    );
    copy.#name = this.#name;
    copy.#version = this.#version;
    copy.#metadata = this.#metadata;
    copy.#slots = this.#slots;
    copy.#launcher = this.#launcher;
    copy.#key = this.#key;
    copy.#options = this.#options;
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
      portable: this.#options.portable ?? false,
    });
  }

  /**
   * Builds the package as a stream. The work begins when the stream is read.
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
    const copy = this.clone();
    return path === undefined
      ? ReadableStream.from(copy.#stream(copy.plan()))
      : copy.#write(path instanceof URL ? fromFileUrl(path) : path);
  }

  async #write(path: string): Promise<BuildResult> {
    const plan = this.plan();
    const host = await this.#loadHost();
    await using resources = new AsyncDisposableStack();
    const target = host.reader.absolute(path);
    const createSpool: SpoolFactory = () => host.writer.createSpool();
    const report = await writePackage(plan, {
      path: target,
      writer: host.writer,
      build: await this.#prepare(createSpool, resources, target),
      replace: this.#options.replace ?? true,
      verify: this.#options.verify ?? true,
      onReport: (report) =>
        checkExpectations(this.#descriptors, describeSlots(plan, report)),
    });
    return {
      path: target,
      report,
      slots: describeSlots(plan, report),
      isKeyEphemeral: this.#key === undefined,
    };
  }

  async *#stream(
    plan: BuildPlan,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    await using resources = new AsyncDisposableStack();
    const host = this.#usesPaths ? await this.#loadHost() : this.#host;
    const createSpool: SpoolFactory = () =>
      host === undefined
        ? Promise.resolve(new MemorySpool())
        : host.writer.createSpool();
    yield* buildPackage(plan, {
      ...await this.#prepare(createSpool, resources),
      createSpool,
      onReport: (report) =>
        checkExpectations(this.#descriptors, describeSlots(plan, report)),
    });
  }

  async #prepare(
    createSpool: SpoolFactory,
    resources: AsyncDisposableStack,
    output?: string,
  ): Promise<Omit<BuildOptions, "createSpool">> {
    const { target, slotCache, jobs, ...options } = this.#options;
    const loadHost = (): Promise<BuilderHost> => this.#loadHost();
    const launcher = await openLauncher(this.#launcher, loadHost);
    resources.use(launcher.source);
    const keyPair: KeyPair = await resolveKey(this.#key, loadHost);
    const platform = launcher.target ?? target;
    return {
      launcher: launcher.source,
      keyPair,
      openSource: this.#createOpener(createSpool, output),
      ...(jobs === undefined
        ? (output === undefined ? {} : { jobs: (await loadHost()).processors })
        : { jobs }),
      ...(platform === undefined ? {} : { target: platform }),
      ...(slotCache === undefined
        ? {}
        : { slotCache: await openSlotCache(slotCache, await loadHost()) }),
      ...pickBuildOptions(options),
    };
  }

  #createOpener(createSpool: SpoolFactory, output?: string): SlotSourceOpener {
    const slots = new Map(
      this.#slots.map(({ descriptor, data }) => [descriptor.name, data]),
    );
    return async (_source, name) => {
      const data = slots.get(name);
      if (data === undefined) throw new TypeError(`no slot "${name}"`);
      if (typeof data !== "string" && !(data instanceof URL)) {
        return await openSlotData(data, name, createSpool);
      }
      const { reader } = await this.#loadHost();
      return await openSourcePath(reader, slotDataPath(data) ?? "", output);
    };
  }

  get #descriptors(): readonly SlotDescriptor[] {
    return this.#slots.map(({ descriptor }) => descriptor);
  }

  /** Whether anything has to be looked up on the machine. */
  get #usesPaths(): boolean {
    return this.#slots.some(({ data }) => slotDataPath(data) !== undefined) ||
      launcherRequest(this.#launcher) !== undefined ||
      this.#options.slotCache !== undefined ||
      (this.#key !== undefined && "privateKeyPath" in this.#key);
  }

  async #loadHost(): Promise<BuilderHost> {
    return this.#host ?? await loadDefaultHost();
  }
}

function pickBuildOptions(
  { portable, sourceDateEpoch, onProgress, signal }: BuilderOptions,
): Partial<BuildOptions> {
  return {
    ...(portable === undefined ? {} : { portable }),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    ...(onProgress === undefined ? {} : { onProgress }),
    ...(signal === undefined ? {} : { signal }),
  };
}
