import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isIsolated, RunRefused } from "../../../engines/engine.ts";
import { makeMemoryFolder } from "../../../memory-folder.ts";
import type { RunAccess } from "../../../run-access.ts";
import { partitionOf } from "../../../scope.ts";
import type { PreparedModel } from "../../../serving/artifacts/model-cache.ts";
import type { Serving } from "../../../serving/open-serving.ts";
import type { RecordKey } from "../../../store/store.ts";
import { ensureStream } from "../../logs/streams.ts";
import { runFolders } from "../run-folders.ts";
import { stagedCode } from "../staged-code.ts";
import { instanceFolder, logName, runSpec, type ServerPlan, wantedImage } from "./run-spec.ts";

/** What model servers are started with. */
export interface InstanceWorld extends Serving {
  /** Lets code inside instances call this server; it cannot when absent. */
  readonly access?: Pick<RunAccess, "environment">;
}

/** The refusal where a model must be kept off the network and nothing here can do that. */
const noIsolation =
  "EnableNetworkIsolation needs an engine that isolates, and this host has none: install bubblewrap (sagebrush doctor says more).";

/** Why this host can never run a model's server, when that is so. An image's kind is known before the image is there. */
export function isolationRefusal({ engine, images }: InstanceWorld, { container }: ServerPlan): string | undefined {
  if (!container.needsIsolation) return undefined;
  const root = images.resolve(container.image).kind === "container" ? "image" : "files";
  return isIsolated(engine, root) ? undefined : noIsolation;
}

/**
 * Has a server's image and its model made ready; the image first, since a model is of no use without it. Returns at once.
 * @param owner - The record to wake when a `pending` answer has changed.
 */
export async function prepareServer(world: InstanceWorld, plan: ServerPlan, owner: RecordKey): Promise<PreparedModel> {
  const image = await world.images.prepare(wantedImage(plan, owner.account, owner.region));
  if (image.state === "failed") return { state: "refused", reason: image.reason };
  if (image.state === "preparing") return { state: "pending" };
  const { model, modelKey } = plan.container;
  if (model === undefined) return { state: "ready", key: "", files: [] };
  return await world.models.prepare(model, modelKey, () => world.wake(owner));
}

/** One server to be started. */
export interface ServerStart {
  readonly runId: string;
  readonly plan: ServerPlan;
  readonly owner: RecordKey;
  /** Where its log is read. */
  readonly log: { readonly group: string; readonly stream: string };
}

/**
 * Starts a model's server, unless it was started before. Its health is whoever's business asked for it.
 * @returns Why the engine will never start it; `undefined` when it did, or when image or model are not ready (any more).
 */
export async function startServer(
  world: InstanceWorld,
  { runId, plan, owner, log }: ServerStart,
): Promise<string | undefined> {
  const { store, objects, dataDirectory, engine, access } = world;
  const { account, region } = owner;
  const model = await prepareServer(world, plan, owner);
  const image = await world.images.prepare(wantedImage(plan, account, region));
  // Collected or lost since they were looked at: the next look fetches them again.
  if (model.state !== "ready" || image.state !== "ready") return undefined;
  const folder = instanceFolder(dataDirectory, plan.container, runId);
  if (plan.container.hasVolumeKey) await makeMemoryFolder(folder);
  await Promise.all([
    mkdir(join(folder, "ml"), { recursive: true }),
    ensureStream(store, { partition: partitionOf(region), account, region }, log.group, log.stream, logName(runId)),
  ]);
  const code = await stagedCode(objects, {
    image: image.image,
    account,
    runId,
    submitDirectory: plan.container.environment["SAGEMAKER_SUBMIT_DIRECTORY"],
  });
  const { files } = model;
  const channels = [...(files.length === 0 ? [] : [{ target: "/opt/ml/model", files, readOnly: true }]), ...code];
  const spec = runSpec(dataDirectory, plan, runId, region, {
    ...{ image: image.image, channels, access },
    isIsolated: isIsolated(engine, image.image.root.kind),
  });
  try {
    await engine.start(runId, spec);
    return undefined;
  } catch (error) {
    if (!(error instanceof RunRefused)) throw error;
    return error.message;
  }
}

/** Ends a server if need be, and frees all that it had but its log. */
export async function removeServer(world: InstanceWorld, runId: string): Promise<void> {
  await world.engine.remove(runId);
  await world.objects.release(runId);
  for (const runs of runFolders(world.dataDirectory)) await rm(join(runs, runId), { recursive: true, force: true });
  world.health.untrack(runId);
  world.own(runId, undefined);
}
