import { fromFileUrl } from "@std/path";
import { streamFrom } from "../io/stream_from.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildResult } from "./build_result.ts";
import type { BuilderHost } from "./builder_host.ts";
import type { LauncherChoice } from "./builder_launcher.ts";
import { type BuilderMetadata, mergeMetadata } from "./builder_metadata.ts";
import type { BuilderOptions } from "./builder_options.ts";
import { type BuilderSlot, planFromBuilder } from "./builder_plan.ts";
import { BuilderRun } from "./builder_run.ts";
import type { HostOptions, KeyChoice } from "./key_files.ts";
import type { SlotData } from "./slot_data.ts";
import type { SlotDescriptor } from "./slot_descriptor.ts";

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
   * Encoded slots wait in memory, unless the builder has a host or is given a
   * path: then they wait in a temporary file, and any size will do.
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
      ? streamFrom(this.#begin().stream())
      : this.#write(path instanceof URL ? fromFileUrl(path) : path);
  }

  /** A wrong configuration rejects, too, instead of throwing at once. */
  async #write(path: string): Promise<BuildResult> {
    return await this.#begin().write(path);
  }

  #begin(): BuilderRun {
    return new BuilderRun({
      plan: this.plan(),
      slots: this.#slots,
      launcher: this.#launcher,
      key: this.#key,
      options: this.#options,
      host: this.#host,
    });
  }
}
