import { rm } from "node:fs/promises";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { ServiceError } from "../../errors.ts";
import { ping } from "../health.ts";
import type { AnswerSink, SendOutcome } from "../invoke/send.ts";
import { type FrontNote, frontHeader, headerOf, noteText } from "./front-answer.ts";
import { type FrontRequest, maxFrontBodyBytes, readFrontRequest } from "./front-request.ts";
import type { Stage, StageCall } from "./stage.ts";

/** What a front is made of. */
export interface FrontOptions {
  /** Unix socket that it listens on. */
  readonly path: string;
  readonly stages: readonly Stage[];
  /** One after the other, or each by its name. */
  readonly execution: "serial" | "direct";
  /**
   * Whom it stands before: invokers are told of failures in a header and what is handed on between containers is held to
   * the limit of endpoints; batch transforms read the body alone.
   */
  readonly use: "endpoint" | "batch";
}

/** What one container may hand on to the next one at an endpoint. */
const maxHopBytes = 5 * 1024 ** 2;
const executionParametersMs = 2_000;

/**
 * Stands before the containers of one instance and answers as one container would: `GET /ping` when all of them are
 * healthy, `POST /invocations` by taking the request through them. So everything that deals with instances (routing,
 * health, batch transforms) deals with one address.
 */
export class Front {
  readonly #options: FrontOptions;
  readonly #server: Server;

  constructor(options: FrontOptions) {
    this.#options = options;
    // No idle timeout: the gateway keeps connections, and closing one just as it sends would fail a request.
    this.#server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  get address(): string {
    return `unix:${this.#options.path}`;
  }

  async listen(): Promise<void> {
    await rm(this.#options.path, { force: true }); // left by a server that was killed
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#options.path, () => resolve());
    });
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    for (const stage of this.#options.stages) stage.close();
    await rm(this.#options.path, { force: true });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url } = request;
    if (method === "POST" && url === "/invocations") return await this.#receive(request, response);
    request.resume();
    if (method === "GET" && url === "/ping") return await this.#ping(response);
    const [first] = this.#options.stages;
    if (method === "GET" && url === "/execution-parameters" && first !== undefined)
      return await passOn(first, response);
    response.writeHead(404).end();
  }

  async #ping(response: ServerResponse): Promise<void> {
    const { stages } = this.#options;
    const passed = await Promise.all(stages.map(({ address }) => ping(address)));
    const failing = stages.filter((_, index) => !passed[index]).map(({ name }) => name);
    response.writeHead(failing.length === 0 ? 200 : 503).end(failing.join(", "));
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = await readFrontRequest(request);
    if (asked === undefined) {
      response.writeHead(413).end(`The body is larger than ${maxFrontBodyBytes} bytes.`);
      return;
    }
    try {
      await this.#invoke(asked, response);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const { code, message, status } = error;
      this.#refuse(response, status, { error: code, status, message }, Buffer.from(message));
    }
  }

  async #invoke(asked: FrontRequest, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    const stages = this.#stagesFor(asked);
    let { body, contentType } = asked;
    for (const [index, stage] of stages.entries()) {
      const next = stages[index + 1];
      const hop = new Hop();
      const call: StageCall = {
        headers: [
          ...(contentType === undefined ? [] : ["content-type", contentType]),
          // What the caller wants is what the last one answers.
          ...(asked.accept === undefined || next !== undefined ? [] : ["accept", asked.accept]),
          ...asked.headers,
        ],
        body,
        timeoutMs: asked.timeoutMs - (performance.now() - startedAt),
        ...(asked.targetModel !== undefined && { targetModel: asked.targetModel }),
        ...this.#keptOf(asked, next),
        overflow: (status, headers) => (next === undefined ? passing(response, status, headers) : hop),
      };
      const outcome = await stage.send(call);
      if (outcome.kind === "streamed" && next === undefined) return;
      if (outcome.kind === "streamed") return this.#tooMuch(response, stage, next as Stage, hop.bytes);
      if (!isGood(outcome)) return this.#failed(response, stage, outcome);
      if (next === undefined) {
        response.writeHead(outcome.status, headersOut(outcome.headers, outcome.body.length)).end(outcome.body);
        return;
      }
      body = outcome.body;
      contentType = headerOf(outcome.headers, "content-type");
    }
  }

  /** @throws ServiceError where no container has the name. */
  #stagesFor({ targetContainer }: FrontRequest): readonly Stage[] {
    const { stages, execution } = this.#options;
    if (execution === "serial") return stages;
    const target = stages.find(({ name }) => name === targetContainer);
    if (target !== undefined) return [target];
    throw new ServiceError("ValidationError", `There is no container ${targetContainer ?? ""}.`, { status: 400 });
  }

  #keptOf({ keptBytes }: FrontRequest, next: Stage | undefined): { keptBytes?: number } {
    if (next === undefined) return keptBytes === undefined ? {} : { keptBytes };
    return { keptBytes: this.#options.use === "endpoint" ? maxHopBytes : maxFrontBodyBytes };
  }

  #tooMuch(response: ServerResponse, from: Stage, to: Stage, bytes: number): void {
    const limit = this.#options.use === "endpoint" ? maxHopBytes : maxFrontBodyBytes;
    const text = `The response from container ${from.name} to container ${to.name} has ${bytes} bytes; at most ${limit} bytes are handed on between containers.`;
    this.#refuse(response, 413, { container: from.name, outcome: "answered" }, Buffer.from(text));
  }

  #failed(response: ServerResponse, stage: Stage, outcome: Exclude<SendOutcome, { kind: "streamed" }>): void {
    const note: FrontNote = { container: stage.name, outcome: outcome.kind };
    const isAnswer = outcome.kind === "answered";
    const body = isAnswer ? outcome.body : Buffer.from(failureTexts[outcome.kind]);
    this.#refuse(response, isAnswer ? outcome.status : 502, note, body);
  }

  #refuse(response: ServerResponse, status: number, note: FrontNote, body: Buffer): void {
    const { use, stages } = this.#options;
    const isStage = "container" in note && stages.length > 1;
    const told = use === "batch" && isStage ? Buffer.concat([Buffer.from(`${note.container}: `), body]) : body;
    response.writeHead(status, { [frontHeader]: noteText(note), "content-length": told.length }).end(told);
  }
}

const failureTexts = {
  refused: "the model server takes no connections",
  broken: "the model server closed the connection before its answer was whole",
  timeout: "the model gave no answer in time",
} as const;

/** Takes what is too large to be handed on, and counts it. */
class Hop implements AnswerSink {
  readonly destroyed = false;
  bytes = 0;

  write(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    return true;
  }

  end(): void {}
  breakOff(): void {}
  on(): void {}
}

function isGood(outcome: SendOutcome): outcome is Extract<SendOutcome, { kind: "answered" }> {
  return outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300;
}

/** Lets a long answer through as it comes. */
function passing(response: ServerResponse, status: number, headers: readonly string[]): AnswerSink {
  response.writeHead(status, headersOut(headers));
  return Object.assign(response, { breakOff: () => void response.destroy() });
}

const hopByHop: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "content-length", "transfer-encoding", "trailer", "date", frontHeader],
]);

function headersOut(headers: readonly string[], length?: number): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (!hopByHop.has(headers[i] as string)) out.push(headers[i] as string, headers[i + 1] as string);
  }
  if (length !== undefined) out.push("content-length", String(length));
  return out;
}

/** What the first container prefers is what the instance prefers. */
function passOn({ address }: Stage, response: ServerResponse): Promise<void> {
  const { hostname, port } = address.startsWith("unix:")
    ? { hostname: "", port: "" }
    : new URL(`http://${address.replace(/^tcp:/u, "")}`);
  const target = hostname === "" ? { socketPath: address.slice(5) } : { host: hostname.replace(/^\[|\]$/gu, ""), port };
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(executionParametersMs);
    const call = httpRequest({ ...target, path: "/execution-parameters", agent: false, signal }, (answer) => {
      response.writeHead(answer.statusCode ?? 502);
      answer.pipe(response);
      answer.once("error", () => response.destroy());
      response.once("close", resolve);
    });
    call.once("error", () => {
      // A container need not have an opinion.
      if (!response.headersSent) response.writeHead(404).end();
      resolve();
    });
    call.end();
  });
}
