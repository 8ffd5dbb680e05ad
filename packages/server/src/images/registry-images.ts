import type { LayersRoot } from "../engines/engine.ts";
import type { ImageRegistry } from "../registry/image-registry.ts";
import { placeOfHost } from "../registry/registry-host.ts";
import type { ManifestRecord, RegistryPlace, Repository } from "../registry/registry-records.ts";
import { containerCommand } from "./container-command.ts";
import type { Image, ImageRequest, ImageSource, Preparation } from "./image.ts";
import { hostArchitecture, type ImageConfig, InvalidImageConfig, parseImageConfig } from "./image-config.ts";
import type { LayerCache } from "./layers/layer-cache.ts";
import { InvalidLayer } from "./layers/layer-tree.ts";
import { findUser, foldersIn, lacksFolder } from "./layers/look-up.ts";
import { type ImageReference, parseImageReference } from "./reference.ts";

/** Configurations are small; a larger blob is none. */
const largestConfigBytes = 4 * 1024 * 1024;
/** A name of this machine, with whatever port: the server's own may be another one after a restart. */
const localHost = /^(?:localhost|127(?:\.\d{1,3}){3})(?::\d+)?$/;

/** Why an image cannot be had, for its owner. */
class Unavailable extends Error {
  override readonly name = "Unavailable";
}

/** An image on its way to this host: asked about until it is there. */
interface Fetching {
  message: string;
  failure?: string;
  isOver: boolean;
}

/** Images that were pushed to this server's own registry, unpacked for the sandbox. */
export class RegistryImages implements ImageSource {
  readonly #registry: ImageRegistry;
  readonly #cache: LayerCache;
  readonly #ownHosts: ReadonlySet<string>;
  readonly #refusal: () => string | undefined;
  /** By the digest of the image's manifest. */
  readonly #fetching = new Map<string, Fetching>();

  /** @param options.refusal - Why no image can be run on this host; `undefined` where they can. */
  constructor(options: {
    registry: ImageRegistry;
    cache: LayerCache;
    publicUrls: readonly string[];
    refusal: () => string | undefined;
  }) {
    this.#registry = options.registry;
    this.#cache = options.cache;
    this.#ownHosts = new Set(options.publicUrls.map((url) => new URL(url).host));
    this.#refusal = options.refusal;
  }

  refusal(image: Image): string | undefined {
    if (image.kind !== "container") return "it is not in this server's registry";
    const reference = parseImageReference(image.uri);
    if (!reference || !this.#isOwn(reference)) {
      return "only images of this server's own registry can be run without a container engine (push it there)";
    }
    return this.#refusal();
  }

  async prepare(request: ImageRequest): Promise<Preparation> {
    try {
      const { repository, manifest } = await this.#find(request);
      const config = await this.#config(repository, manifest, request.image.uri);
      const digests = manifest.blobs.slice(1).map(({ digest }) => digest);
      const layers = await Promise.all(digests.map((digest) => this.#cache.find(digest)));
      if (layers.every((layer) => layer !== undefined)) {
        return await ready(request, config, layers);
      }
      return this.#progress(repository, manifest);
    } catch (error) {
      if (error instanceof Unavailable) {
        return { state: "failed", reason: `Image ${request.image.uri} cannot be run: ${error.message}.` };
      }
      throw error;
    }
  }

  #isOwn({ host }: ImageReference): boolean {
    return host !== undefined && (localHost.test(host) || this.#ownHosts.has(host) || placeOfHost(host) !== undefined);
  }

  /** The image for this machine. @throws Unavailable when it is not in the registry. */
  async #find({ image, account, region }: ImageRequest): Promise<{ repository: Repository; manifest: ManifestRecord }> {
    const reference = parseImageReference(image.uri) as ImageReference;
    const place: RegistryPlace = placeOfHost(reference.host ?? "") ?? { account, region };
    if (place.account !== account)
      throw new Unavailable(`it belongs to the account ${place.account}, and the job to ${account}`);
    const where = `the registry of account ${place.account} in ${place.region}`;
    const repository = await this.#registry.repositories.find(place, reference.repository);
    if (!repository) throw new Unavailable(`there is no repository ${reference.repository} in ${where}`);
    const { digest, tag = "latest" } = reference;
    const name = digest === undefined ? { tag } : { digest };
    const manifest = await this.#registry.manifests.find(repository, name);
    if (!manifest) {
      const wanted = digest ?? `the tag ${tag}`;
      throw new Unavailable(`the repository ${reference.repository} in ${where} has no image with ${wanted}`);
    }
    return {
      repository,
      manifest: manifest.manifests.length > 0 ? await this.#forHost(repository, manifest) : manifest,
    };
  }

  /** The one of an index that this machine can run. */
  async #forHost(repository: Repository, index: ManifestRecord): Promise<ManifestRecord> {
    const { manifests = [] } = JSON.parse((await this.#registry.manifests.content(index)).toString("utf8")) as {
      manifests?: { digest: string; platform?: { architecture?: string; os?: string } }[];
    };
    const mine = manifests.find(
      ({ platform }) => platform?.architecture === hostArchitecture() && (platform.os ?? "linux") === "linux",
    );
    const found = mine && (await this.#registry.manifests.find(repository, { digest: mine.digest }));
    if (found) return found;
    const offered = manifests
      .map(({ platform }) => `${platform?.os ?? "?"}/${platform?.architecture ?? "?"}`)
      .join(", ");
    throw new Unavailable(`it is for ${offered}, and this machine is linux/${hostArchitecture()}`);
  }

  async #config(repository: Repository, manifest: ManifestRecord, uri: string): Promise<ImageConfig> {
    const [blob] = manifest.blobs;
    const bytes = blob && (await this.#registry.blobs.find(repository, blob.digest));
    if (!bytes || bytes.sizeBytes > largestConfigBytes) throw new Unavailable("it has no configuration");
    const chunks: Buffer[] = [];
    for await (const chunk of await this.#registry.blobs.read(bytes)) chunks.push(chunk as Buffer);
    try {
      const config = parseImageConfig(Buffer.concat(chunks));
      if (config.architecture === hostArchitecture() && (config.os === "" || config.os === "linux")) return config;
      throw new Unavailable(
        `it is for ${config.os}/${config.architecture}, and this machine is linux/${hostArchitecture()}`,
      );
    } catch (error) {
      if (error instanceof InvalidImageConfig)
        throw new Unavailable(`${uri} is not a container image: ${error.message}`);
      throw error;
    }
  }

  /** How far the image is; begins where nobody has begun, and tells a failure once. */
  #progress(repository: Repository, manifest: ManifestRecord): Preparation {
    const known = this.#fetching.get(manifest.digest);
    if (known?.failure !== undefined) {
      this.#fetching.delete(manifest.digest);
      return { state: "failed", reason: known.failure };
    }
    if (known && !known.isOver) return { state: "preparing", message: known.message };
    const fetching: Fetching = { message: "Unpacking the training image", isOver: false };
    this.#fetching.set(manifest.digest, fetching);
    this.#unpack(repository, manifest, fetching)
      .then(() => this.#fetching.delete(manifest.digest))
      .catch((error: unknown) => {
        // Told to whoever asks next.
        fetching.failure = `The image ${repository.name}@${manifest.digest} cannot be unpacked: ${(error as Error).message}.`;
      })
      .finally(() => {
        fetching.isOver = true;
      });
    return { state: "preparing", message: fetching.message };
  }

  async #unpack(repository: Repository, manifest: ManifestRecord, fetching: Fetching): Promise<void> {
    const layers = manifest.blobs.slice(1);
    for (const [at, { digest }] of layers.entries()) {
      fetching.message = `Unpacking the training image: layer ${at + 1} of ${layers.length}`;
      if (await this.#cache.find(digest)) continue;
      const bytes = await this.#registry.blobs.find(repository, digest);
      if (!bytes) throw new InvalidLayer(`its layer ${digest} is gone`);
      const open = () => this.#registry.blobs.read(bytes);
      await this.#cache.add({ digest, sizeBytes: bytes.sizeBytes, open });
    }
  }
}

/** What a run needs of an image that is there. */
async function ready(request: ImageRequest, config: ImageConfig, layers: readonly string[]): Promise<Preparation> {
  const user = await findUser(layers, config.user);
  if (typeof user === "string") throw new Unavailable(user);
  const { workingDirectory } = config;
  const root: LayersRoot = {
    kind: "layers",
    layers,
    binds: [],
    user: { uid: user.uid, gid: user.gid },
    folders: (await lacksFolder(layers, workingDirectory)) ? [workingDirectory] : [],
    mlFolders: await foldersIn(layers, "/opt/ml"),
  };
  return {
    state: "ready",
    image: {
      root,
      command: containerCommand(config.entrypoint, request.start),
      environment: { HOME: user.home, ...config.environment, ...request.start.environment },
      workingDirectory,
      notices: [],
    },
  };
}
