import { createInterface } from "node:readline";
import { answeredWith, type EngineApi } from "../engines/docker/engine-api.ts";
import { registryAuthHeader } from "../engines/docker/registry-auth.ts";
import type { RegistryCredentials } from "./registry-credentials.ts";

/** One image to pull, and from where. */
export interface PullRequest {
  /** As the container engine is to call it. */
  readonly reference: string;
  readonly registry: string | undefined;
  readonly credentials: RegistryCredentials | undefined;
  /** The registry is our own: on this machine, perhaps without TLS. */
  readonly isOwn: boolean;
}

/** How far a pull is, or how it ended. */
export type PullState =
  | { readonly state: "pulling"; readonly message: string }
  | { readonly state: "done" }
  | { readonly state: "failed"; readonly reason: string };

/** What the engine says while it pulls; Podman says other things through its own path. */
interface PullLine {
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
  readonly stream?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number } | null;
}

/** A pull that says nothing for this long has failed. */
const silenceMillis = 10 * 60_000;

/** Pulls one image. Whoever waits looks at `state`. */
export class ImagePull {
  readonly #api: EngineApi;
  readonly #request: PullRequest;
  readonly #layers = new Map<string, { current: number; total: number }>();
  #state: PullState;
  readonly finished: Promise<void>;

  /** @param isPodman - Its own path alone can be told to do without TLS. */
  constructor(api: EngineApi, request: PullRequest, isPodman: boolean) {
    this.#api = api;
    this.#request = request;
    this.#state = { state: "pulling", message: `Pulling the image ${request.reference}` };
    this.finished = this.#run(isPodman).catch((error: unknown) => this.#fail((error as Error).message));
  }

  get state(): PullState {
    return this.#state;
  }

  async #run(isPodman: boolean): Promise<void> {
    const { reference, isOwn } = this.#request;
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), silenceMillis);
    const call =
      isPodman && isOwn
        ? { path: "/v4.0.0/libpod/images/pull", query: { reference, tlsVerify: "false" } }
        : { path: "/images/create", query: { fromImage: reference } };
    try {
      const answer = await this.#api.stream({
        method: "POST",
        ...call,
        headers: authHeader(this.#request),
        signal: silence.signal,
      });
      for await (const text of createInterface({ input: answer })) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), silenceMillis);
        if (text.trim() !== "") this.#take(JSON.parse(text) as PullLine);
      }
      if (this.#state.state === "pulling") this.#state = { state: "done" };
    } finally {
      clearTimeout(timer);
    }
  }

  #take({ id, status, error, progressDetail }: PullLine): void {
    if (error !== undefined) return this.#fail(error);
    if (this.#state.state === "failed") return;
    if (id !== undefined && status !== undefined && progressDetail?.total !== undefined) {
      this.#layers.set(`${status} ${id}`, { current: progressDetail.current ?? 0, total: progressDetail.total });
    }
    this.#state = { state: "pulling", message: `Pulling the image ${this.#request.reference}${this.#progress()}` };
  }

  #progress(): string {
    const downloads = [...this.#layers].filter(([key]) => key.startsWith("Downloading ")).map(([, layer]) => layer);
    const total = downloads.reduce((sum, layer) => sum + layer.total, 0);
    if (total === 0) return "";
    const current = downloads.reduce((sum, layer) => sum + layer.current, 0);
    return `: ${megabytes(current)} of ${megabytes(total)} MB`;
  }

  #fail(said: string): void {
    this.#state = { state: "failed", reason: pullFailure(this.#request, said) };
  }
}

/** What keeps an image from being pulled, for whoever asked for it. */
export function pullFailure({ reference, registry, credentials }: Omit<PullRequest, "isOwn">, said: string): string {
  const host = registry ?? "docker.io";
  const why = () => {
    if (/no space left|disk quota|not enough space/i.test(said)) return "the disk of the container engine is full";
    if (/unauthorized|authentication required|denied|forbidden|no basic auth|401|403/i.test(said)) {
      return credentials === undefined
        ? `${host} wants credentials, and there are none: log in with docker login or podman login as the server's user`
        : `${host} does not accept the credentials of ${credentials.username || "the token"}`;
    }
    if (/manifest unknown|not found|does not exist|name unknown|404/i.test(said)) return "it does not exist";
    if (/no such host|connection refused|i\/o timeout|no route|dial tcp|lookup/i.test(said))
      return `${host} cannot be reached`;
    return undefined;
  };
  const known = why();
  const detail = said.trim().slice(0, 400);
  return `The image ${reference} cannot be pulled: ${known === undefined ? detail : `${known} (${detail})`}`;
}

/** Whether the engine has an image, and what it says of it. */
export async function inspectImage(api: EngineApi, reference: string): Promise<InspectedImage | undefined> {
  try {
    return await api.json<InspectedImage>({ method: "GET", path: `/images/${reference}/json` });
  } catch (error) {
    if (answeredWith(error, 404)) return undefined;
    throw error;
  }
}

/** What `GET /images/NAME/json` says, as far as we read it. */
export interface InspectedImage {
  readonly Id: string;
  readonly Config?: {
    readonly Env?: readonly string[] | null;
    readonly Cmd?: readonly string[] | null;
    readonly Entrypoint?: readonly string[] | null;
    readonly WorkingDir?: string;
    readonly User?: string;
  } | null;
}

function authHeader({ credentials, registry }: PullRequest): Record<string, string> {
  if (credentials === undefined) return {};
  const { username, password, identityToken } = credentials;
  const serveraddress = registry ?? "https://index.docker.io/v1/";
  return registryAuthHeader(
    identityToken === undefined
      ? { username, password, serveraddress }
      : { identitytoken: identityToken, serveraddress },
  );
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}
