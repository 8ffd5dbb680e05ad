import { ServiceError } from "../../errors.ts";
import { targetModelHeader } from "../fronts/front-answer.ts";
import { type Stage, type StageCall, statusOf } from "../fronts/stage.ts";
import { validationError } from "../invoke/model-errors.ts";
import { type SendOutcome, send } from "../invoke/send.ts";
import { Backend } from "../routing/backend.ts";
import type { VariantCounter } from "../variant-metrics.ts";
import { ContainerApi } from "./container-api.ts";
import { type LoadedModel, LoadedModels } from "./loaded-models.ts";
import type { FolderModel, ModelFolder } from "./model-folder.ts";
import type { ModelMeter } from "./model-metrics.ts";
import { checkTargetModel } from "./model-name.ts";

/** A caller waits this long for a model; the loading goes on for as long as `loadMs`. */
const waitMs = 60_000;
const loadMs = 360_000;
const unloadMs = 60_000;
const listMs = 5_000;

/** What a container with many models works with. */
export interface MultiModelOptions {
  readonly name: string;
  readonly runId: string;
  readonly address: string;
  readonly folder: ModelFolder;
  /** Unpacked bytes of the models that are loaded at a time. */
  readonly budgetBytes: number;
  /** Whether models stay loaded when a request is answered. */
  readonly keepsModels: boolean;
  readonly meter: ModelMeter;
  readonly counter?: VariantCounter;
}

/** A model cannot be had: what to answer, as the container said it. */
type Loading = { readonly model: LoadedModel } | { readonly failure: SendOutcome };

/**
 * A container that holds models behind a prefix of S3: each is fetched, unpacked and loaded when a request names it, and the
 * one that was not used for the longest time goes when there is no memory, be it that the budget is used up or that the
 * container says so (507).
 */
export class MultiModelStage implements Stage {
  readonly name: string;
  readonly address: string;
  readonly #options: MultiModelOptions;
  readonly #backend: Backend;
  readonly #api: ContainerApi;
  readonly #loaded = new LoadedModels();
  readonly #loading = new Map<string, Promise<Loading>>();
  /** Models that are being unloaded, by target: they are loaded again only after that. */
  readonly #leaving = new Map<string, Promise<void>>();
  readonly #opened: Promise<void>;

  constructor(options: MultiModelOptions) {
    this.#options = options;
    this.name = options.name;
    this.address = options.address;
    this.#backend = new Backend(options.runId, options.address);
    this.#api = new ContainerApi(options.address);
    this.#opened = this.#open();
    // Whoever asks first hears of it.
    this.#opened.catch(() => undefined);
  }

  /** @throws ServiceError ValidationError, ModelNotReadyException */
  async send(call: StageCall): Promise<SendOutcome> {
    const { targetModel } = call;
    if (targetModel === undefined) throw validationError("TargetModel must be given for a multi-model endpoint.");
    checkTargetModel(targetModel);
    await this.#opened;
    const startedAt = performance.now();
    const outcome = await this.#ask(call, targetModel);
    this.#options.counter?.count(statusOf(outcome), performance.now() - startedAt);
    return outcome;
  }

  close(): void {
    this.#backend.close();
    this.#options.meter.loaded.delete(this.#options.runId);
  }

  /** What a server before this one has loaded is still there. */
  async #open(): Promise<void> {
    const unpacked = await this.#options.folder.open();
    if (unpacked.length === 0) return;
    const names = new Set(await this.#api.list(listMs));
    for (const model of unpacked) if (names.has(model.name)) this.#loaded.add(model);
    this.#tellCount();
  }

  async #ask(call: StageCall, target: string): Promise<SendOutcome> {
    for (let tries = 0; ; tries++) {
      const loading = await this.#model(target, call.timeoutMs);
      if ("failure" in loading) return loading.failure;
      const outcome = await this.#invoke(loading.model, call);
      if (outcome.kind !== "answered" || tries >= mostTries) return outcome;
      // It has lost the model, or it has not the memory to answer for it.
      if (outcome.status === 404) this.#loaded.drop(target);
      else if (outcome.status !== 507 || !(await this.#evict())) return outcome;
    }
  }

  async #invoke(
    model: LoadedModel,
    { timeoutMs, targetModel = "", headers, ...call }: StageCall,
  ): Promise<SendOutcome> {
    model.uses += 1;
    try {
      const path = `/models/${model.name}/invoke`;
      const request = { ...call, path, headers: [...headers, targetModelHeader, targetModel] };
      return await send(this.#backend, request, timeoutMs);
    } finally {
      model.uses -= 1;
      if (!this.#options.keepsModels && model.uses === 0) {
        await this.#leave(model, () => this.#forget(model));
      }
    }
  }

  /** @throws ServiceError ModelNotReadyException when it takes longer than a caller waits. */
  async #model(target: string, timeoutMs: number): Promise<Loading> {
    const { meter } = this.#options;
    const model = this.#loaded.use(target);
    meter.add("ModelCacheHit", model === undefined ? 0 : 1);
    if (model !== undefined) return { model };
    const startedAt = performance.now();
    let loading = this.#loading.get(target);
    if (loading === undefined) {
      loading = this.#load(target).finally(() => this.#loading.delete(target));
      this.#loading.set(target, loading);
      // Whoever waits hears of it; perhaps nobody does any more.
      loading.catch(() => undefined);
    }
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(notReady(target)), Math.min(waitMs, timeoutMs));
    try {
      return await Promise.race([loading, late.promise]);
    } finally {
      clearTimeout(timer);
      meter.add("ModelLoadingWaitTime", (performance.now() - startedAt) * 1_000);
    }
  }

  async #load(target: string): Promise<Loading> {
    await this.#leaving.get(target);
    const { folder, meter, budgetBytes } = this.#options;
    const unpacked = await timed(meter, "ModelDownloadingTime", () =>
      folder.prepare(target, (name) => this.#loaded.has(name)),
    );
    while (this.#loaded.sizeBytes + unpacked.sizeBytes > budgetBytes) if (!(await this.#evict())) break;
    return await timed(meter, "ModelLoadingTime", () => this.#loadUnpacked(unpacked));
  }

  async #loadUnpacked(unpacked: FolderModel): Promise<Loading> {
    for (;;) {
      const answer = await this.#api.load(unpacked.name, `/opt/ml/models/${unpacked.name}/model`, loadMs);
      // It may be there from before, or from another request.
      if (answer.status === 409 || (answer.status >= 200 && answer.status < 300)) {
        const model = this.#loaded.add(unpacked);
        this.#tellCount();
        return { model };
      }
      if (answer.status === 507 && (await this.#evict())) continue;
      if (answer.status === 0) return { failure: { kind: "broken", cause: new Error("no answer"), sawBytes: true } };
      return { failure: { kind: "answered", status: answer.status, headers: [], body: answer.body } };
    }
  }

  /** Unloads the model that was not used for the longest time. @returns Whether there was one that nobody uses. */
  async #evict(): Promise<boolean> {
    const model = this.#loaded.leastRecent();
    if (model === undefined) return false;
    await this.#leave(model, () => this.#unload(model));
    return true;
  }

  /** Takes a model off the account first, so that no request begins with it. */
  async #leave({ target }: LoadedModel, act: () => Promise<void>): Promise<void> {
    this.#loaded.drop(target);
    const leaving = act().finally(() => this.#leaving.delete(target));
    this.#leaving.set(target, leaving);
    await leaving;
  }

  async #unload(model: LoadedModel): Promise<void> {
    await timed(this.#options.meter, "ModelUnloadingTime", () => this.#api.unload(model.name, unloadMs));
    this.#tellCount();
  }

  async #forget(model: LoadedModel): Promise<void> {
    await this.#unload(model);
    await this.#options.folder.remove(model.name);
  }

  #tellCount(): void {
    this.#options.meter.loaded.set(this.#options.runId, this.#loaded.count);
  }
}

/** A model may be lost once and evicted for a few times until its request is answered. */
const mostTries = 8;

async function timed<Result>(
  meter: ModelMeter,
  name: Parameters<ModelMeter["add"]>[0],
  act: () => Promise<Result>,
): Promise<Result> {
  const startedAt = performance.now();
  const result = await act();
  meter.add(name, (performance.now() - startedAt) * 1_000);
  return result;
}

function notReady(target: string): ServiceError {
  return new ServiceError("ModelNotReadyException", `Model ${target} is still being loaded. Try again later.`, {
    status: 429,
  });
}
