import { Backend } from "../../serving/routing/backend.ts";
import type { ModelServer } from "../model/invoke.ts";

/** The place of one instance of a job. Which run stands there changes when one dies and another is started. */
export class InstanceSlot implements ModelServer {
  #backend: Backend | undefined;
  readonly #waiting = new Set<(backend: Backend) => void>();

  /** The run that answers now. */
  get runId(): string | undefined {
    return this.#backend?.runId;
  }

  /** Requests go to that run from now on. */
  attach(runId: string, address: string): void {
    if (this.#backend?.runId === runId && this.#backend.address === address) return;
    this.detach();
    const backend = new Backend(runId, address);
    this.#backend = backend;
    for (const resolve of this.#waiting) resolve(backend);
    this.#waiting.clear();
  }

  /** Requests wait until there is another run. */
  detach(): void {
    this.#backend?.close();
    this.#backend = undefined;
  }

  async ready(signal: AbortSignal): Promise<Backend> {
    signal.throwIfAborted();
    if (this.#backend !== undefined) return this.#backend;
    return await new Promise<Backend>((resolve, reject) => {
      const onAbort = (): void => {
        this.#waiting.delete(onReady);
        reject(signal.reason as Error);
      };
      const onReady = (backend: Backend): void => {
        signal.removeEventListener("abort", onAbort);
        resolve(backend);
      };
      this.#waiting.add(onReady);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}
