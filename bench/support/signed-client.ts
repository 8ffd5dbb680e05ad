import type { KeyObject } from "node:crypto";
import { createHash, createHmac, createSecretKey } from "node:crypto";
import { Agent, request } from "node:http";

/** An answer, its body whole. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/**
 * Sends Signature V4 requests over kept-alive connections and does little else, so that a benchmark measures the
 * server: an SDK client costs more per call than the server itself.
 */
export class SignedClient {
  readonly #agent: Agent;
  readonly #url: URL;
  readonly #accessKeyId: string;
  readonly #service: string;
  readonly #region: string;
  readonly #secret: string;
  readonly #keys = new Map<string, KeyObject>();

  constructor(options: {
    url: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
    service: string;
    region?: string;
    connections?: number;
  }) {
    this.#url = new URL(options.url);
    this.#accessKeyId = options.credentials.accessKeyId;
    this.#secret = options.credentials.secretAccessKey;
    this.#service = options.service;
    this.#region = options.region ?? "us-east-1";
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 1 });
  }

  /** Calls an operation of an AWS JSON service. @param target - `SageMaker.DescribeTrainingJob` */
  async json(target: string, input: object): Promise<Answer> {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
    return this.send("POST", "/", JSON.stringify(input), headers);
  }

  /** Sends one request. @param path - Already encoded, without a query. */
  send(method: string, path: string, body: string | Buffer, extra: Readonly<Record<string, string>>): Promise<Answer> {
    const headers = this.signed(method, path, body, extra);
    const { hostname, port } = this.#url;
    return new Promise((resolve, reject) => {
      const call = request({ method, path, hostname, port, agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
        );
        response.on("error", reject);
      });
      call.on("error", reject);
      call.end(body);
    });
  }

  /** Headers of one request, for a benchmark that sends it itself. */
  signed(method: string, path: string, body: string | Buffer, extra: Readonly<Record<string, string>>) {
    const date = `${new Date().toISOString().replaceAll(/[-:]|\.\d{3}/gu, "")}`;
    const headers: Record<string, string> = { ...extra, host: this.#url.host, "x-amz-date": date };
    headers["authorization"] = this.#authorization(method, path, body, headers, date);
    headers["content-length"] = String(Buffer.byteLength(body));
    return headers;
  }

  close(): void {
    this.#agent.destroy();
  }

  #authorization(
    method: string,
    path: string,
    body: string | Buffer,
    headers: Record<string, string>,
    date: string,
  ): string {
    const names = Object.keys(headers).sort();
    const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join("");
    const canonical = [
      method,
      path,
      "",
      canonicalHeaders,
      names.join(";"),
      headers["x-amz-content-sha256"] ?? sha256(body),
    ].join("\n");
    const day = date.slice(0, 8);
    const scope = `${day}/${this.#region}/${this.#service}/aws4_request`;
    const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
    const signature = createHmac("sha256", this.#key(day)).update(text).digest("hex");
    return `AWS4-HMAC-SHA256 Credential=${this.#accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  }

  #key(day: string): KeyObject {
    let key = this.#keys.get(day);
    if (!key) {
      const parts = [day, this.#region, this.#service, "aws4_request"];
      const bytes = parts.reduce<Buffer | string>(
        (previous, part) => createHmac("sha256", previous).update(part).digest(),
        `AWS4${this.#secret}`,
      );
      key = createSecretKey(bytes as Buffer);
      this.#keys.set(day, key);
    }
    return key;
  }
}

function sha256(text: string | Buffer): string {
  return createHash("sha256").update(text).digest("hex");
}
