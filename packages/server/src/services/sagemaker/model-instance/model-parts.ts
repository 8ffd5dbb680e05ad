import { type Channel, type Engine, type RootFs, showsHostPaths } from "../../../engines/engine.ts";
import type { ObjectCatalogue } from "../../../objects/object-catalogue.ts";
import type { ModelCache, PreparedModel } from "../../../serving/artifacts/model-cache.ts";
import { ModelDataRefused, modelObjects } from "../../../serving/artifacts/model-objects.ts";
import type { ModelData, ServingContainer } from "../../../serving/fleet.ts";

/** What parts of models are made ready with. */
interface PartsWorld {
  readonly models: ModelCache;
  readonly objects: ObjectCatalogue;
  readonly engine: Engine;
}

/** One folder of a container's model. */
interface ModelPart {
  readonly target: string;
  readonly data: ModelData;
  /** Name of the unpacked copy that other instances serve. */
  readonly key: string | undefined;
}

/** Where a model's own files are, and folders of further ones. */
const modelTarget = "/opt/ml/model";
const additionalTarget = "/opt/ml/additional-model-data-sources";

/**
 * Has archives unpacked and looks whether the other objects can be files. Returns at once.
 * @param root - What the container's image is.
 */
export async function prepareParts(
  world: PartsWorld,
  container: ServingContainer,
  root: RootFs["kind"],
  settled: () => void,
): Promise<PreparedModel> {
  const keys: string[] = [];
  const modelFiles: PreparedFiles[] = [];
  for (const part of partsOf(container)) {
    const prepared = await preparePart(world, part, container, root, settled);
    if (prepared.state !== "ready") return prepared;
    keys.push(prepared.key);
    if (part.target === modelTarget) modelFiles.push(prepared.files);
  }
  const [key = "", ...rest] = container.model === undefined ? ["", ...keys] : keys;
  const additionalKeys = rest.length === 0 ? {} : { additionalKeys: rest };
  return { state: "ready", key, files: modelFiles[0] ?? [], ...additionalKeys };
}

type PreparedFiles = Extract<PreparedModel, { state: "ready" }>["files"];

/** The folders of a container that is about to start. @returns `undefined` when one is not ready (any more). */
export async function partChannels(
  { models, objects }: PartsWorld,
  container: ServingContainer,
  runId: string,
  settled: () => void,
): Promise<Channel[] | undefined> {
  const channels: Channel[] = [];
  for (const { target, data, key } of partsOf(container)) {
    if (data.form === undefined) {
      const archive = await models.prepare(data, key, settled);
      if (archive.state !== "ready") return undefined;
      if (archive.files.length > 0) channels.push({ target, files: archive.files, readOnly: true });
      continue;
    }
    const found = await modelObjects(objects, data).catch((error: unknown) => {
      // It has changed since it was looked at; the next look tells.
      if (error instanceof ModelDataRefused) return undefined;
      throw error;
    });
    if (found === undefined) return undefined;
    // The store's own files, held for this run: nothing is copied, and deleting an object takes nothing away.
    const sources = await objects.files(
      found.map(({ entry }) => entry),
      runId,
    );
    const files = found.map(({ path, entry }, index) => ({
      ...{ path, source: sources[index] as string, sizeBytes: entry.sizeBytes },
    }));
    channels.push({ target, files, readOnly: true });
  }
  return channels;
}

function partsOf({ model, modelKey, additional = [] }: ServingContainer): ModelPart[] {
  return [
    ...(model === undefined ? [] : [{ target: modelTarget, data: model, key: modelKey }]),
    ...additional.map(({ channel, data, key }) => ({ target: `${additionalTarget}/${channel}`, data, key })),
  ];
}

async function preparePart(
  { models, objects, engine }: PartsWorld,
  { data, key }: ModelPart,
  { hasVolumeKey = false }: ServingContainer,
  root: RootFs["kind"],
  settled: () => void,
): Promise<PreparedModel> {
  if (data.form === undefined) return await models.prepare(data, key, settled);
  try {
    const found = await modelObjects(objects, data);
    const isCopied = showsHostPaths(engine, root) && !hasVolumeKey;
    if (isCopied && found.some(({ entry }) => entry.isEncrypted)) {
      throw new ModelDataRefused(
        `Model data at ${data.url} has objects that are encrypted with KMS keys, and this engine copies them to a disk: give the endpoint configuration a KmsKeyId, or install bubblewrap.`,
      );
    }
    return { state: "ready", key: "", files: [] };
  } catch (error) {
    if (error instanceof ModelDataRefused) return { state: "refused", reason: error.message };
    throw error;
  }
}
