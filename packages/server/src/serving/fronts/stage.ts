import { type AnswerSink, type SendOutcome, send } from "../invoke/send.ts";
import { Backend } from "../routing/backend.ts";
import type { VariantCounter } from "../variant-metrics.ts";

/** A request to one container of an instance. */
export interface StageCall {
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly timeoutMs: number;
  readonly keptBytes?: number;
  /** The model that is asked for, where there are several. */
  readonly targetModel?: string;
  readonly overflow: (status: number, headers: readonly string[]) => AnswerSink;
}

/** One container of an instance, as its front sees it. */
export interface Stage {
  readonly name: string;
  readonly address: string;
  /** @throws ServiceError what it refuses a request with before the container sees it. */
  send(call: StageCall): Promise<SendOutcome>;
  close(): void;
}

/** A container that answers at `POST /invocations`. */
export class PlainStage implements Stage {
  readonly name: string;
  readonly address: string;
  readonly #backend: Backend;
  readonly #counter: VariantCounter | undefined;

  /** @param counter - Counts what the container was asked. */
  constructor(name: string, runId: string, address: string, counter?: VariantCounter) {
    this.name = name;
    this.address = address;
    this.#backend = new Backend(runId, address);
    this.#counter = counter;
  }

  async send({ timeoutMs, targetModel: _ofAnother, ...call }: StageCall): Promise<SendOutcome> {
    const startedAt = performance.now();
    const outcome = await send(this.#backend, { ...call, path: "/invocations" }, timeoutMs);
    this.#counter?.count(statusOf(outcome), performance.now() - startedAt);
    return outcome;
  }

  close(): void {
    this.#backend.close();
  }
}

/** 0 when there was no whole answer. */
export function statusOf(outcome: SendOutcome): number {
  return outcome.kind === "answered" || outcome.kind === "streamed" ? outcome.status : 0;
}
