import { setTimeout as sleep } from "node:timers/promises";
import type { Backend } from "../../serving/routing/backend.ts";
import type { AttemptOutcome } from "./attempt.ts";
import type { KeptAnswer } from "./kept-answer.ts";

/** ModelClientConfig, in milliseconds. */
export interface ClientSettings {
  readonly timeoutMs: number;
  /** Attempts after the first. */
  readonly maxRetries: number;
}

/** The model refused a request, or gave no whole answer however often it was asked. */
export class InvocationFailed extends Error {
  override readonly name = "InvocationFailed";
  /** What the model answered; 0 when it gave no whole answer. */
  readonly status: number;
  /** The beginning of its answer. */
  readonly body: string;

  constructor(status: number, body: string, message: string) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

/** The first wait between two attempts; each further one is twice as long. */
const firstWaitMs = 200;
const longestWaitMs = 5_000;
/** Of a refusal's body, this much is kept for people. */
const keptBodyBytes = 2_048;

/** Where requests go: the server as it is at the moment, which may be another one after a crash. */
export interface ModelServer {
  /** Waits until there is one. @throws The signal's reason once that is aborted. */
  ready(signal: AbortSignal): Promise<Backend>;
}

/**
 * Asks a model until it gives a whole answer. Refusals (4xx) are final; 429, 5xx, timeouts and broken connections are tried
 * again.
 * @param send - One attempt.
 * @throws InvocationFailed
 */
export async function invoke(
  server: ModelServer,
  { maxRetries, timeoutMs }: ClientSettings,
  signal: AbortSignal,
  send: (backend: Backend) => Promise<AttemptOutcome>,
): Promise<KeptAnswer> {
  for (let tries = 0; ; tries++) {
    const backend = await server.ready(signal);
    const outcome = await send(backend);
    if (outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300) return outcome.answer;
    const failure = await failureOf(outcome, timeoutMs);
    if (!mayHelp(failure.status) || tries >= maxRetries) throw failure;
    await sleep(Math.min(longestWaitMs, firstWaitMs * 2 ** tries), undefined, { signal });
  }
}

function mayHelp(status: number): boolean {
  return status === 0 || status === 429 || status >= 500;
}

async function failureOf(outcome: AttemptOutcome, timeoutMs: number): Promise<InvocationFailed> {
  switch (outcome.kind) {
    case "answered": {
      const { status, answer } = outcome;
      const body = await beginningOf(answer);
      return new InvocationFailed(status, body, `the model answered ${status}${body === "" ? "" : `: ${body}`}`);
    }
    case "timeout":
      return new InvocationFailed(
        0,
        "",
        `the model gave no answer within ${timeoutMs / 1_000} s (ModelClientConfig.InvocationsTimeoutInSeconds)`,
      );
    case "refused":
      return new InvocationFailed(0, "", "the model server takes no connections");
    case "broken":
      return new InvocationFailed(0, "", "the model server closed the connection before its answer was whole");
  }
}

async function beginningOf(answer: KeptAnswer): Promise<string> {
  try {
    for await (const piece of answer.pieces()) return piece.toString("utf8", 0, keptBodyBytes);
    return "";
  } finally {
    await answer.discard();
  }
}
