import { appendFile } from "node:fs/promises";
import { InvocationFailed } from "../model/invoke.ts";

/** Most that is told of what goes wrong. */
const maxBytes = 16 * 1024 ** 2;

/** The data log of one instance: what became of its objects, for their owner, line by line in the service's form. */
export class DataLog {
  readonly #path: string;
  #bytes = 0;
  #writing: Promise<void> = Promise.resolve();

  /** @param path - Of the log file, which streams name. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Appends lines. Failing to is no reason for a job to fail. */
  write(...texts: readonly string[]): void {
    if (this.#bytes > maxBytes) return;
    const now = new Date();
    const stamp = now.toISOString().replace("Z", "");
    const lines = texts.map((text) => `${now.getTime()} ${stamp}:[sagemaker logs]: ${text}\n`);
    this.#bytes += lines.reduce((sum, line) => sum + line.length, 0);
    if (this.#bytes > maxBytes) lines.push(`${now.getTime()} ${stamp}:[sagemaker logs]: Further lines are left out.\n`);
    this.#writing = this.#writing.then(() => appendFile(this.#path, lines.join(""))).catch(() => undefined);
  }

  /** Tells why an object has no output. */
  failure(object: string, error: Error): void {
    this.write(...failureLines(error).map((line) => `${object}: ${line}`));
  }

  /** Waits for what was written. */
  async flush(): Promise<void> {
    await this.#writing;
  }
}

function failureLines(error: Error): string[] {
  if (!(error instanceof InvocationFailed)) return [`ClientError: ${error.message}`];
  if (error.status === 0) return ["Unable to get response from algorithm", error.message];
  const kind = error.status < 500 ? "ClientError" : "AlgorithmError";
  return [`${kind}: ${error.status}`, "", "Message:", ...error.body.split(/\r?\n/)];
}
