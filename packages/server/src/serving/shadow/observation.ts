import { randomUUID } from "node:crypto";
import { AnswerTap } from "../capture/answer-tap.ts";
import type { Capture } from "../capture/capture.ts";
import { headerOf } from "../fronts/front-answer.ts";
import type { AnswerSink, ModelRequest, SendOutcome } from "../invoke/send.ts";
import type { VariantRoute } from "../routing/routing-table.ts";
import type { Named } from "../routing/targets.ts";
import type { ShadowRoute } from "./shadow-copies.ts";

/**
 * What is done with a request beside answering it: it is captured, copied to a shadow variant, or both. Most requests
 * have none. Nothing of it is waited for.
 */
export class Observation {
  readonly #capture: Capture | undefined;
  readonly #shadow: ShadowRoute | undefined;
  readonly #tap = new AnswerTap();

  private constructor(capture: Capture | undefined, shadow: ShadowRoute | undefined) {
    this.#capture = capture;
    this.#shadow = shadow;
  }

  /**
   * Draws what is done with one request.
   * @param isOfSession - What a session is about is in one instance of the production variant: its requests are not copied.
   */
  static of({ capture, shadow }: VariantRoute, isOfSession: boolean): Observation | undefined {
    if (capture === undefined && shadow === undefined) return undefined;
    const captured = capture?.wants(Math.random()) === true ? capture : undefined;
    const shadowed = shadow !== undefined && !isOfSession && Math.random() < shadow.share ? shadow : undefined;
    return captured === undefined && shadowed === undefined ? undefined : new Observation(captured, shadowed);
  }

  /** The sink of an answer that is passed on as it comes. */
  around(sink: AnswerSink, headers: readonly string[]): AnswerSink {
    return this.#tap.around(sink, headers);
  }

  /** The caller's answer is there, or never will be. Failed requests are not captured; a shadow gets them as well. */
  end(request: ModelRequest, named: Named & { readonly inferenceId?: string | undefined }, outcome: SendOutcome): void {
    const { path, headers, body } = request;
    const { inferenceId } = named;
    const answer = this.#tap.answer(outcome);
    const eventId = randomUUID();
    if (this.#capture !== undefined && answer !== undefined) {
      this.#capture.add({
        ...{ at: Date.now(), eventId, inferenceId },
        input: { contentType: headerOf(headers, "content-type"), body },
        output: { contentType: headerOf(answer.headers, "content-type"), body: answer.body },
      });
    }
    if (this.#shadow === undefined) return;
    const captured = this.#capture === undefined ? undefined : { eventId, inferenceId };
    this.#shadow.copies.copy(this.#shadow, { request: { path, headers, body }, named, answer, captured });
  }
}
