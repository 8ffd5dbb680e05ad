import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isIsolated, RunRefused } from "../../../engines/engine.ts";
import { makeMemoryFolder } from "../../../memory-folder.ts";
import type { RunAccess } from "../../../run-access.ts";
import { partitionOf } from "../../../scope.ts";
import type { PreparedModel } from "../../../serving/artifacts/model-cache.ts";
import { containersOf, runIdsOf } from "../../../serving/fleet.ts";
import type { Serving } from "../../../serving/open-serving.ts";
import type { RecordKey } from "../../../store/store.ts";
import { ensureStream } from "../../logs/streams.ts";
import { runFolders } from "../run-folders.ts";
import { stagedCode } from "../staged-code.ts";
import { partChannels, prepareParts } from "./model-parts.ts";
import { type ContainerPlan, instanceFolder, logName, runSpec, type ServerPlan, wantedImage } from "./run-spec.ts";

/** What model servers are started with. */
export interface InstanceWorld extends Serving {
  /** Lets code inside instances call this server; it cannot when absent. */
  readonly access?: Pick<RunAccess, "environment">;
}

/** The refusal where a model must be kept off the network and nothing here can do that. */
const noIsolation =
  "EnableNetworkIsolation needs an engine that isolates, and this host has none: install bubblewrap (sagebrush doctor says more).";

/** Why this host can never run a model's servers, when that is so. An image's kind is known before the image is there. */
export function isolationRefusal({ engine, images }: InstanceWorld, plan: ServerPlan): string | undefined {
  const isKept = containersOf(plan).every(({ needsIsolation, image }) => {
    if (!needsIsolation) return true;
    const root = images.resolve(image).kind === "container" ? "image" : "files";
    return isIsolated(engine, root);
  });
  return isKept ? undefined : noIsolation;
}

/**
 * Has the images and the models of a server's containers made ready; an image first, since a model is of no use without
 * it. Returns at once.
 * @param owner - The record to wake when a `pending` answer has changed.
 */
export async function prepareServer(world: InstanceWorld, plan: ServerPlan, owner: RecordKey): Promise<PreparedModel> {
  const containers = containersOf(plan);
  const prepared = await Promise.all(containers.map((container) => prepareContainer(world, { container }, owner)));
  const [first, ...further] = prepared.flatMap((each) => (each.state === "ready" ? [each] : []));
  if (first !== undefined && further.length === containers.length - 1) {
    return further.length === 0 ? first : { ...first, further };
  }
  return prepared.find(({ state }) => state === "refused") ?? { state: "pending" };
}

async function prepareContainer(
  world: InstanceWorld,
  plan: Pick<ContainerPlan, "container">,
  owner: RecordKey,
): Promise<PreparedModel> {
  const image = await world.images.prepare(wantedImage(plan, owner.account, owner.region));
  if (image.state === "failed") return { state: "refused", reason: image.reason };
  if (image.state === "preparing") return { state: "pending" };
  return await prepareParts(world, plan.container, image.image.root.kind, () => world.wake(owner));
}

/** One instance to be started. */
export interface ServerStart {
  readonly runId: string;
  readonly plan: ServerPlan;
  readonly owner: RecordKey;
  /** Where its log is read; those of several containers each in a stream below it. */
  readonly log: { readonly group: string; readonly stream: string };
  /** See `RunSpec`. */
  readonly nextAfterwards?: boolean;
}

/**
 * Starts what an instance consists of, unless it was started before. Its health is whoever's business asked for it.
 * @returns Why the engine will never start it; `undefined` when it did, or when image or model are not ready (any more).
 */
export async function startServer(
  world: InstanceWorld,
  { runId, plan, ...rest }: ServerStart,
): Promise<string | undefined> {
  const { instanceType } = plan;
  const { log } = rest;
  const runIds = runIdsOf(plan, runId);
  const starts = containersOf(plan).map((container, index): ContainerStart => {
    const { name } = container;
    const stream = name === undefined ? log.stream : `${log.stream}/${name}`;
    return { ...rest, runId: runIds[index] as string, plan: { instanceType, container }, log: { ...log, stream } };
  });
  // The first one last: its being there says that the start is over.
  for (const start of starts.reverse()) {
    const refusal = await startContainer(world, start);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

type ContainerStart = Omit<ServerStart, "plan"> & { readonly plan: ContainerPlan };

async function startContainer(
  world: InstanceWorld,
  { runId, plan, owner, log, nextAfterwards = false }: ContainerStart,
): Promise<string | undefined> {
  const { store, objects, dataDirectory, engine, access } = world;
  const { account, region } = owner;
  const model = await partChannels(world, plan.container, runId, () => world.wake(owner));
  const image = await world.images.prepare(wantedImage(plan, account, region));
  // Collected or lost since they were looked at: the next look fetches them again.
  if (model === undefined || image.state !== "ready") return undefined;
  const folder = instanceFolder(dataDirectory, plan.container, runId);
  if (plan.container.hasVolumeKey) await makeMemoryFolder(folder);
  await Promise.all([
    mkdir(join(folder, "ml"), { recursive: true }),
    ...(plan.container.multiModel ? [mkdir(join(folder, "models"), { recursive: true, mode: 0o755 })] : []),
    ensureStream(store, { partition: partitionOf(region), account, region }, log.group, log.stream, logName(runId)),
  ]);
  const code = await stagedCode(objects, {
    image: image.image,
    account,
    runId,
    submitDirectory: plan.container.environment["SAGEMAKER_SUBMIT_DIRECTORY"],
  });
  const channels = [...model, ...code];
  const { executionRoleArn } = plan.container;
  const spec = {
    ...runSpec(dataDirectory, plan, runId, region, {
      ...{ image: image.image, channels, access },
      isIsolated: isIsolated(engine, image.image.root.kind),
    }),
    ...(executionRoleArn !== undefined && { inAdvanceFor: `${account}/${region}/${executionRoleArn}`, nextAfterwards }),
  };
  try {
    await engine.start(runId, spec);
    return undefined;
  } catch (error) {
    if (!(error instanceof RunRefused)) throw error;
    return error.message;
  }
}

/** Ends an instance's runs. Returns at once. @param graceMs - Between SIGTERM and SIGKILL. */
export async function stopServer(
  { engine }: Pick<InstanceWorld, "engine">,
  plan: Pick<ServerPlan, "further">,
  runId: string,
  graceMs: number,
): Promise<void> {
  for (const id of runIdsOf(plan, runId)) await engine.stop(id, graceMs);
}

/** Ends an instance if need be, and frees all that it had but its logs. */
export async function removeServer(
  world: InstanceWorld,
  plan: Pick<ServerPlan, "further">,
  runId: string,
): Promise<void> {
  await world.fronts.close(runId);
  for (const id of runIdsOf(plan, runId)) {
    await world.engine.remove(id);
    await world.objects.release(id);
    for (const runs of runFolders(world.dataDirectory)) await rm(join(runs, id), { recursive: true, force: true });
    world.own(id, undefined);
  }
  world.health.untrack(runId);
}
