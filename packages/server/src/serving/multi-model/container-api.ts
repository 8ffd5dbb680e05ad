import { request as httpRequest } from "node:http";

/** An answer of a container's own API. */
export interface ApiAnswer {
  /** 0 when there was none. */
  readonly status: number;
  readonly body: Buffer;
}

/** Longest answer that is read: a page of a hundred models. */
const maxBytes = 1024 ** 2;
/** A list without an end must not keep anybody waiting. */
const mostPages = 1_000;
const noBody = Buffer.alloc(0);

/** Asks a multi-model container to load, unload and list models. Never rejects: no answer is an answer of status 0. */
export class ContainerApi {
  readonly #target: { readonly socketPath: string } | { readonly host: string; readonly port: string };

  /** @param address - `unix:PATH` or `tcp:HOST:PORT`. */
  constructor(address: string) {
    if (address.startsWith("unix:")) this.#target = { socketPath: address.slice(5) };
    else {
      const { hostname, port } = new URL(`http://${address.replace(/^tcp:/u, "")}`);
      this.#target = { host: hostname.replace(/^\[|\]$/gu, ""), port };
    }
  }

  load(name: string, url: string, timeoutMs: number): Promise<ApiAnswer> {
    const body = JSON.stringify({ model_name: name, url });
    return this.#ask("POST", "/models", timeoutMs, body);
  }

  unload(name: string, timeoutMs: number): Promise<ApiAnswer> {
    return this.#ask("DELETE", `/models/${name}`, timeoutMs);
  }

  /** Names of all models that are loaded; none where the container does not tell. */
  async list(timeoutMs: number): Promise<string[]> {
    const names: string[] = [];
    let token = "";
    for (let page = 0; page < mostPages; page++) {
      const query = token === "" ? "" : `?next_page_token=${encodeURIComponent(token)}`;
      const { status, body } = await this.#ask("GET", `/models${query}`, timeoutMs);
      const { models, nextPageToken } = status === 200 ? parsed(body) : {};
      if (!Array.isArray(models)) return names;
      for (const model of models as readonly { modelName?: unknown }[]) {
        if (typeof model?.modelName === "string") names.push(model.modelName);
      }
      if (typeof nextPageToken !== "string" || nextPageToken === "") return names;
      token = nextPageToken;
    }
    return names;
  }

  #ask(method: string, path: string, timeoutMs: number, body?: string): Promise<ApiAnswer> {
    return new Promise((resolve) => {
      const none = (): void => resolve({ status: 0, body: noBody });
      const signal = AbortSignal.timeout(Math.max(1, timeoutMs));
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const call = httpRequest({ ...this.#target, method, path, headers, agent: false, signal }, (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size <= maxBytes) chunks.push(chunk);
          else answer.destroy();
        });
        answer.once("error", none);
        answer.once("close", none);
        answer.once("end", () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
      });
      call.once("error", none);
      call.end(body);
    });
  }
}

function parsed(body: Buffer): { readonly models?: unknown; readonly nextPageToken?: unknown } {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
