import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answerer } from "../algorithm.ts";
import { RequestError } from "../errors.ts";
import type { JobLog } from "../job-log.ts";
import type { ModelTable } from "./model-table.ts";
import { maxBodyBytes, ReceivedBody } from "./received-body.ts";

/** Bodies from this size on are large: reading them takes longer than handing them to a thread. */
const largeBodyBytes = 512 * 1024;

/** What a server answers from: its model, or the models that it is told to load. */
export type Served = { readonly model: Answerer } | { readonly models: ModelTable };

/** Answers the HTTP of SageMaker's container contract. */
export class RequestHandler {
  readonly #served: Served;
  readonly #log: JobLog;
  /** Connections are closed after their answer. */
  isDraining = false;

  constructor(served: Served, log: JobLog) {
    this.#served = served;
    this.#log = log;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { method, url = "/" } = request;
    const path = url.includes("?") ? url.slice(0, url.indexOf("?")) : url;
    if (path === "/ping" && method === "GET") return this.#answer(response, 200, "text/plain", "");
    const isTaken =
      "model" in this.#served
        ? this.#ofOne(this.#served.model, path, request, response)
        : this.#ofMany(this.#served.models, path, request, response);
    if (isTaken) return;
    const known = ["/ping", ...("model" in this.#served ? ["/invocations", "/execution-parameters"] : ["/models"])];
    request.resume();
    this.#answer(response, known.includes(path) ? 405 : 404, "text/plain", `${method} ${path} is not answered here.`);
  }

  /** @returns Whether the request is one of a server with one model. */
  #ofOne(model: Answerer, path: string, request: IncomingMessage, response: ServerResponse): boolean {
    if (path === "/invocations" && request.method === "POST") {
      this.#receive(request, response, (body) => this.#invoke(model, request, response, body));
      return true;
    }
    if (path !== "/execution-parameters" || request.method !== "GET") return false;
    const { maxConcurrentTransforms: MaxConcurrentTransforms } = model;
    const parameters = { MaxConcurrentTransforms, BatchStrategy: "MULTI_RECORD", MaxPayloadInMB: 6 };
    this.#json(response, 200, parameters);
    return true;
  }

  /** @returns Whether the request is one of the API of multi-model containers. */
  #ofMany(models: ModelTable, path: string, request: IncomingMessage, response: ServerResponse): boolean {
    const { method, url = "" } = request;
    if (path === "/models" && method === "GET") {
      const token = new URLSearchParams(url.slice(path.length)).get("next_page_token");
      this.#json(response, 200, models.page(token ?? undefined));
      return true;
    }
    if (path === "/models" && method === "POST") {
      this.#receive(request, response, (body) => void this.#load(models, response, body));
      return true;
    }
    const [, name = "", isInvoke] = /^\/models\/([^/]+)(\/invoke)?$/u.exec(path) ?? [];
    if (name === "") return false;
    if (isInvoke !== undefined && method === "POST") {
      this.#receive(request, response, (body) => {
        const model = models.get(name);
        if (model === undefined) this.#notLoaded(response, name);
        else this.#invoke(model, request, response, body);
      });
      return true;
    }
    if (isInvoke !== undefined || (method !== "GET" && method !== "DELETE")) return false;
    const described = models.describe(name);
    if (method === "DELETE") models.unload(name);
    if (described === undefined) this.#notLoaded(response, name);
    else this.#json(response, 200, method === "GET" ? described : {});
    return true;
  }

  async #load(models: ModelTable, response: ServerResponse, body: Buffer): Promise<void> {
    const { model_name: name, url } = parsed(body);
    if (typeof name !== "string" || typeof url !== "string") {
      this.#answer(response, 400, "text/plain", "Expected a JSON object with model_name and url.");
      return;
    }
    const outcome = await models.load(name, url);
    if ("reason" in outcome) {
      this.#log.error(`Model ${name}: ${outcome.reason}`);
      this.#answer(response, outcome.status, "text/plain", outcome.reason);
    } else this.#json(response, outcome.status, { modelName: name, modelUrl: url });
  }

  #notLoaded(response: ServerResponse, name: string): void {
    this.#answer(response, 404, "text/plain", `Model ${name} is not loaded.`);
  }

  #receive(request: IncomingMessage, response: ServerResponse, whole: (body: Buffer) => void): void {
    const body = new ReceivedBody(Number(request.headers["content-length"] ?? 0));
    request.on("data", (chunk: Buffer) => {
      if (body.add(chunk) || response.headersSent) return;
      response.shouldKeepAlive = false;
      this.#answer(response, 413, "text/plain", `The body is larger than ${maxBodyBytes} bytes.`);
    });
    request.on("end", () => {
      if (!response.headersSent) whole(body.whole());
    });
    // The caller went away: there is nobody to answer.
    request.on("error", () => response.destroy());
  }

  #invoke(model: Answerer, { headers }: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { accept, "content-type": contentType } = headers;
    const asked = { contentType, accept, body };
    if (model.answerLarge && (model.answersLater === true || body.length >= largeBodyBytes)) {
      model.answerLarge(asked).then(
        ({ status, type, body: answer }) => this.#answer(response, status, type, answer),
        (error: unknown) => this.#refuse(response, error),
      );
      return;
    }
    try {
      const { status, type, body: answer } = model.answer(asked);
      this.#answer(response, status, type, answer);
    } catch (error) {
      this.#refuse(response, error);
    }
  }

  #refuse(response: ServerResponse, error: unknown): void {
    if (error instanceof RequestError) {
      this.#answer(response, error.status, "text/plain", error.message);
      return;
    }
    this.#log.error(`A prediction failed: ${error instanceof Error ? error.stack : String(error)}`);
    this.#answer(response, 500, "text/plain", "The model failed on this request; the log says more.");
  }

  #json(response: ServerResponse, status: number, value: object): void {
    this.#answer(response, status, "application/json", JSON.stringify(value));
  }

  #answer(response: ServerResponse, status: number, contentType: string, body: string | Buffer): void {
    if (this.isDraining) response.shouldKeepAlive = false;
    response.writeHead(status, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(body) });
    response.end(body);
  }
}

/** An empty object where it is none. */
function parsed(body: Buffer): { readonly model_name?: unknown; readonly url?: unknown } {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
