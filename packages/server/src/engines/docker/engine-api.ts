import { Agent, type IncomingMessage, request } from "node:http";
import { EngineUnavailable } from "../engine.ts";

/** The container engine answered, and refused. `status` is HTTP's, the message is its own. */
export class EngineApiError extends Error {
  override readonly name = "EngineApiError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** One call: a path such as `/containers/json`, its query and what is sent. */
export interface EngineCall {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** Values that are not texts are sent as JSON, as the API wants its filters. */
  readonly query?: Readonly<Record<string, string | number | object | undefined>>;
  /** Sent as JSON; bytes are sent as they are, as a tar archive. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Longest answer that is read whole. Lists of a few thousand containers stay far below. */
const maxAnswerBytes = 64 * 2 ** 20;
/** Creating a container of a large image can take a while on a busy disk; nothing else here takes long. */
const callMillis = 120_000;

/** The Docker Engine API over its Unix socket, which Podman serves too. Paths go without a version: the newest one. */
export class EngineApi {
  readonly socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64, maxFreeSockets: 4 });

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /**
   * Makes a call whose answer is JSON, or nothing.
   * @throws EngineApiError when the engine refuses; EngineUnavailable when there is none.
   */
  async json<T>(call: EngineCall): Promise<T> {
    const answer = await this.#send({ ...call, signal: call.signal ?? AbortSignal.timeout(callMillis) });
    const text = await this.#read(answer);
    return (text.trim() === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Makes a call whose answer is read as it comes. Whoever calls must read or destroy it. */
  stream(call: EngineCall): Promise<IncomingMessage> {
    return this.#send(call);
  }

  /** Lets go of idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  async #send(call: EngineCall): Promise<IncomingMessage> {
    const answer = await this.#request(call);
    const status = answer.statusCode ?? 0;
    if (status < 400) return answer;
    throw new EngineApiError(status, messageOf(await this.#read(answer)));
  }

  #request({ method, path, query = {}, body, headers = {}, signal }: EngineCall): Promise<IncomingMessage> {
    const bytes = body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const type = Buffer.isBuffer(body) ? "application/x-tar" : "application/json";
    return new Promise((resolve, reject) => {
      const sent = request({
        socketPath: this.socketPath,
        agent: this.#agent,
        method,
        path: path + queryText(query),
        headers: {
          host: "docker",
          ...(bytes && { "content-type": type, "content-length": String(bytes.length) }),
          ...headers,
        },
        ...(signal && { signal }),
      });
      sent.on("response", resolve);
      sent.on("error", (error) => reject(this.#unavailable(error)));
      sent.end(bytes);
    });
  }

  async #read(answer: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > maxAnswerBytes) throw new Error(`an answer of more than ${maxAnswerBytes} bytes`);
        chunks.push(chunk);
      }
    } catch (error) {
      throw this.#unavailable(error as Error);
    }
    return Buffer.concat(chunks).toString("utf8");
  }

  #unavailable(error: Error): EngineUnavailable {
    return new EngineUnavailable(`The container engine at ${this.socketPath} does not answer: ${error.message}`, {
      cause: error,
    });
  }
}

/** Whether the engine answered with one of these statuses. */
export function answeredWith(error: unknown, ...statuses: readonly number[]): error is EngineApiError {
  return error instanceof EngineApiError && statuses.includes(error.status);
}

function queryText(query: NonNullable<EngineCall["query"]>): string {
  const pairs = Object.entries(query)
    .filter(([, value]) => value !== undefined)
    .map(
      ([name, value]) =>
        `${name}=${encodeURIComponent(typeof value === "object" ? JSON.stringify(value) : String(value))}`,
    );
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string") return message;
  } catch {
    // Not JSON: the text itself is the message.
  }
  return text.trim().slice(0, 2000) || "no reason given";
}
