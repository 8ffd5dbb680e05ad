import type { DockerEngine } from "../engines/docker/docker-engine.ts";
import { containerCommand } from "./container-command.ts";
import type { ContainerImage, Image, ImageRequest, ImageSource, Preparation, PreparedImage } from "./image.ts";
import { ImagePull, type InspectedImage, inspectImage, type PullRequest } from "./image-pulls.ts";
import type { OwnRegistry } from "./own-registry.ts";
import { type ImageReference, parseImageReference } from "./reference.ts";
import { findCredentials } from "./registry-credentials.ts";

/** Pulls at once; more wait for their turn. */
const maxPulls = 3;
/** How long a failure is told to those who were waiting for the image; whoever comes later makes another try. */
const tellFailureMillis = 3_000;

/** A pull under way or waiting for its turn, or one that failed a moment ago. */
interface Pending {
  pull?: ImagePull;
  failure?: string;
}

/**
 * Images of any registry, run by Docker or Podman: those that the engine has, and those that it can pull. A tag that the
 * engine has is not looked up again, as `docker run` does it; those of our own registry always are.
 */
export class DockerImages implements ImageSource {
  readonly #engine: DockerEngine;
  readonly #own: OwnRegistry | undefined;
  readonly #pending = new Map<string, Pending>();
  readonly #waiting: (() => void)[] = [];
  #pulling = 0;

  /** @param own - The server's own registry, if it has one. */
  constructor(engine: DockerEngine, own?: OwnRegistry) {
    this.#engine = engine;
    this.#own = own;
  }

  refusal(image: Image): string | undefined {
    if (image.kind !== "container") return "Docker and Podman run container images only";
    if (this.#engine.title !== undefined) return undefined;
    // Asked again for the next image: it may have been started since.
    void this.#engine.traits().catch(() => undefined);
    return "the container engine does not answer";
  }

  async prepare(request: ImageRequest): Promise<Preparation> {
    const image = request.image as ContainerImage;
    const reference = parseImageReference(image.uri);
    if (!reference) return { state: "failed", reason: `${image.uri} is not the name of an image` };
    const own = await this.#own?.locate(reference, request);
    if (own === "missing") return { state: "failed", reason: `The image ${image.uri} does not exist in the registry` };
    const name = own?.reference ?? nameOf(reference);
    const pending = this.#pending.get(name);
    if (pending?.failure !== undefined) return { state: "failed", reason: pending.failure };
    if (pending) return { state: "preparing", message: messageOf(name, pending.pull) };
    const found = await inspectImage(this.#engine.api, name);
    if (found) return { state: "ready", image: prepared(image, found, request) };
    this.#begin(name, async () => own ?? (await pullRequest(reference)));
    return { state: "preparing", message: messageOf(name) };
  }

  #begin(name: string, request: () => Promise<PullRequest>): void {
    if (this.#pending.has(name)) return; // begun by another job, while the engine was asked
    const pending: Pending = {};
    this.#pending.set(name, pending);
    this.#inTurn(async () => {
      const { isPodman } = await this.#engine.traits();
      pending.pull = new ImagePull(this.#engine.api, await request(), isPodman);
      await pending.pull.finished;
      if (pending.pull.state.state === "failed") throw new Error(pending.pull.state.reason);
    }).then(
      () => this.#pending.delete(name),
      (error: unknown) => {
        pending.failure = (error as Error).message;
        setTimeout(() => this.#pending.delete(name), tellFailureMillis).unref();
      },
    );
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#pulling < maxPulls) this.#pulling += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#pulling -= 1;
    }
  }
}

async function pullRequest(reference: ImageReference): Promise<PullRequest> {
  const credentials = await findCredentials(reference.host, reference.repository);
  return { reference: nameOf(reference), registry: reference.host, credentials, isOwn: false };
}

/** What the engine is asked for: a digest alone decides where there is one. */
function nameOf({ host, repository, tag = "latest", digest }: ImageReference): string {
  const name = host === undefined ? repository : `${host}/${repository}`;
  return digest === undefined ? `${name}:${tag}` : `${name}@${digest}`;
}

function messageOf(name: string, pull?: ImagePull): string {
  return pull?.state.state === "pulling" ? pull.state.message : `Pulling the image ${name}`;
}

/** What a run needs of an image: its command as SageMaker starts it, and its variables under the caller's. */
function prepared({ uri }: ContainerImage, { Id, Config }: InspectedImage, { start }: ImageRequest): PreparedImage {
  const own = (Config?.Env ?? []).map((pair) => {
    const equals = pair.indexOf("=");
    return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
  });
  return {
    root: { kind: "image", reference: uri, id: Id, binds: [] },
    command: containerCommand(Config?.Entrypoint ?? [], start),
    environment: { ...(Object.fromEntries(own) as Record<string, string>), ...start.environment },
    workingDirectory: Config?.WorkingDir || "/",
    ...(Config?.User && { user: Config.User }),
    notices: [],
  };
}
