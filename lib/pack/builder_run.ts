import { MemorySpool } from "../io/memory_spool.ts";
import type { SpoolFactory } from "../io/spool.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildOptions } from "./build_options.ts";
import { buildPackage } from "./build_package.ts";
import type { BuildReport } from "./build_report.ts";
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
import { type BuilderOptions, pickBuildOptions } from "./builder_options.ts";
import type { BuilderSlot } from "./builder_plan.ts";
import { loadDefaultHost } from "./default_host.ts";
import { type KeyChoice, resolveKey } from "./key_files.ts";
import { openSlotCache } from "./slot_cache.ts";
import { openSlotData, slotDataPath } from "./slot_data.ts";
import type { SlotSourceOpener } from "./slot_source.ts";
import { openSourcePath } from "./source_opener.ts";
import { writePackage } from "./write_package.ts";

/** What a builder was told, as it was when the build began. */
export interface BuilderSnapshot {
  /** What is built. */
  readonly plan: BuildPlan;
  /** Where the content of its slots comes from. */
  readonly slots: readonly BuilderSlot[];
  /** The program at the front. */
  readonly launcher: LauncherChoice | undefined;
  /** The key to sign with. */
  readonly key: KeyChoice | undefined;
  /** Settings. */
  readonly options: BuilderOptions;
  /** The machine, where it is not the one that runs this. */
  readonly host: BuilderHost | undefined;
}

/** One build of a builder. */
export class BuilderRun {
  readonly #snapshot: BuilderSnapshot;

  /** @param snapshot What is built, and with what. */
  constructor(snapshot: BuilderSnapshot) {
    this.#snapshot = snapshot;
  }

  /**
   * Builds into a file.
   *
   * @param path Where it goes.
   * @returns What was built.
   */
  async write(path: string): Promise<BuildResult> {
    const { plan, key, options } = this.#snapshot;
    const { reader, writer } = await this.#host();
    await using resources = new AsyncDisposableStack();
    const output = reader.absolute(path);
    const createSpool: SpoolFactory = () => writer.createSpool();
    const report = await writePackage(plan, {
      path: output,
      writer,
      build: await this.#prepare(createSpool, resources, output),
      replace: options.replace ?? true,
      verify: options.verify ?? true,
      onReport: (report) => this.#check(report),
    });
    return {
      path: output,
      report,
      slots: describeSlots(plan, report),
      isKeyEphemeral: key === undefined,
    };
  }

  /**
   * Builds as a stream.
   *
   * @returns The chunks of the package.
   */
  async *stream(): AsyncGenerator<Uint8Array, void, undefined> {
    await using resources = new AsyncDisposableStack();
    const host = this.#usesPaths ? await this.#host() : this.#snapshot.host;
    const createSpool: SpoolFactory = () =>
      host === undefined
        ? Promise.resolve(new MemorySpool())
        : host.writer.createSpool();
    yield* buildPackage(this.#snapshot.plan, {
      ...await this.#prepare(createSpool, resources),
      createSpool,
      onReport: (report) => this.#check(report),
    });
  }

  async #prepare(
    createSpool: SpoolFactory,
    resources: AsyncDisposableStack,
    output?: string,
  ): Promise<Omit<BuildOptions, "createSpool">> {
    const { key, options } = this.#snapshot;
    const { slotCache } = options;
    const host = (): Promise<BuilderHost> => this.#host();
    const launcher = await openLauncher(this.#snapshot.launcher, host);
    resources.use(launcher.source);
    const target = launcher.target ?? options.target;
    const jobs = options.jobs ??
      (output === undefined ? 1 : (await host()).processors);
    return {
      launcher: launcher.source,
      keyPair: await resolveKey(key, host),
      openSource: this.#createOpener(createSpool, output),
      ...pickBuildOptions(options),
      jobs,
      ...(target === undefined ? {} : { target }),
      ...(slotCache === undefined
        ? {}
        : { slotCache: await openSlotCache(slotCache, await host()) }),
    };
  }

  #createOpener(createSpool: SpoolFactory, output?: string): SlotSourceOpener {
    const slots = new Map(
      this.#snapshot.slots.map(({ descriptor, data }) => [
        descriptor.name,
        data,
      ]),
    );
    return async (_source, name) => {
      const data = slots.get(name);
      if (data === undefined) throw new TypeError(`no slot "${name}"`);
      if (typeof data !== "string" && !(data instanceof URL)) {
        return await openSlotData(data, name, createSpool);
      }
      const { reader } = await this.#host();
      return await openSourcePath(reader, slotDataPath(data) ?? "", output);
    };
  }

  #check(report: BuildReport): void {
    const { plan, slots } = this.#snapshot;
    checkExpectations(
      slots.map(({ descriptor }) => descriptor),
      describeSlots(plan, report),
    );
  }

  /** Whether anything has to be looked up on the machine. */
  get #usesPaths(): boolean {
    const { slots, launcher, key, options } = this.#snapshot;
    return slots.some(({ data }) => slotDataPath(data) !== undefined) ||
      launcherRequest(launcher) !== undefined ||
      options.slotCache !== undefined ||
      (key !== undefined && "privateKeyPath" in key);
  }

  async #host(): Promise<BuilderHost> {
    return this.#snapshot.host ?? await loadDefaultHost();
  }
}
