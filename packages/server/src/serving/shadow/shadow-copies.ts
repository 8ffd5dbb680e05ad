import { compareAnswers } from "../../comparison/agreement.ts";
import { ServiceError } from "../../errors.ts";
import { AnswerTap, type WholeAnswer } from "../capture/answer-tap.ts";
import type { Capture } from "../capture/capture.ts";
import { headerOf } from "../fronts/front-answer.ts";
import type { AnswerSink, ModelRequest, SendOutcome } from "../invoke/send.ts";
import { sendTo } from "../invoke/send-to.ts";
import type { Backend } from "../routing/backend.ts";
import { chooseBackend } from "../routing/choose.ts";
import type { MeasuredVariant } from "../routing/measured-variant.ts";
import { checkTargets, type Named, type Targets } from "../routing/targets.ts";
import type { VariantCounter } from "../variant-metrics.ts";
import { ShadowTally } from "./shadow-tally.ts";

/** Copies of one shadow variant under way at once; more requests than that go without. */
export const mostCopies = 64;
/** What the requests and answers that copies are made and compared with may take in memory. */
const mostBytes = 64 * 1024 * 1024;
/** As long as any caller would wait. */
const copyTimeoutMs = 60_000;

/** A shadow variant as requests to its production variant see it. */
export interface ShadowRoute extends MeasuredVariant {
  /** 0 to 1: how many of the requests are copied. */
  readonly share: number;
  readonly targets: Targets | undefined;
  readonly counter: VariantCounter;
  readonly capture: Capture | undefined;
  /** What outlives changes of the route. */
  readonly copies: ShadowCopies;
}

/** A request that was answered, and how. */
export interface Original {
  readonly request: Pick<ModelRequest, "path" | "headers" | "body">;
  readonly named: Named;
  /** Where it is good and whole. */
  readonly answer: WholeAnswer | undefined;
  /** Where the request is captured: the copy is then, too, under the same event id. */
  readonly captured: { readonly eventId: string; readonly inferenceId: string | undefined } | undefined;
}

/**
 * Sends copies of requests to a shadow variant, when their callers have been answered: nothing of a copy lies between a
 * caller and its answer, and no more copies are under way than a fixed number, whatever the shadow does.
 */
export class ShadowCopies {
  readonly tally = new ShadowTally();
  #underWay = 0;
  #bytes = 0;
  #turn = 0;

  /** Copies that were begun and not answered yet. */
  get underWay(): number {
    return this.#underWay;
  }

  /** Makes a copy, if there is room for one. Returns at once and never throws. */
  copy(route: ShadowRoute, original: Original): void {
    const bytes = original.request.body.length + (original.answer?.body.length ?? 0);
    if (this.#underWay >= mostCopies || this.#bytes + bytes > mostBytes) {
      this.tally.dropped += 1;
      return;
    }
    this.#underWay += 1;
    this.#bytes += bytes;
    // The caller's answer is written first.
    setImmediate(() => {
      void this.#send(route, original).finally(() => {
        this.#underWay -= 1;
        this.#bytes -= bytes;
      });
    });
  }

  /** What the shadow makes of a copy: it may not have the container or the model that the request names. */
  async #outcome(route: ShadowRoute, backend: Backend, copy: ModelRequest, named: Named): Promise<SendOutcome> {
    try {
      checkTargets(route.targets, named);
      return await sendTo(route, backend, copy, copyTimeoutMs, named);
    } catch (error) {
      if (error instanceof ServiceError) return refusal(error);
      throw error;
    }
  }

  async #send(route: ShadowRoute, { request, named, answer, captured }: Original): Promise<void> {
    this.#turn = (this.#turn + 1) & 0xffff;
    const backend = chooseBackend(route.backends, this.#turn);
    if (backend === undefined || backend === "busy") {
      this.tally.dropped += 1;
      return;
    }
    const tap = new AnswerTap();
    const startedAt = performance.now();
    const copy = { ...request, overflow: (_: number, headers: readonly string[]) => tap.around(nowhere, headers) };
    const outcome = await this.#outcome(route, backend, copy, named);
    const status = outcome.kind === "answered" || outcome.kind === "streamed" ? outcome.status : 0;
    route.counter.count(status, performance.now() - startedAt);
    const shadowed = tap.answer(outcome);
    if (shadowed === undefined) return;
    if (answer !== undefined) this.tally.compared(compareAnswers(given(answer), given(shadowed)));
    if (captured === undefined) return;
    route.capture?.add({
      ...{ at: Date.now(), ...captured },
      input: { contentType: headerOf(request.headers, "content-type"), body: request.body },
      output: given(shadowed),
    });
  }
}

/** A refusal of the shadow's own. */
function refusal({ status }: ServiceError): SendOutcome {
  return { kind: "answered", status, headers: [], body: Buffer.alloc(0) };
}

function given({ headers, body }: WholeAnswer) {
  return { contentType: headerOf(headers, "content-type"), body };
}

/** Where a shadow's long answers go. */
const nowhere: AnswerSink = {
  destroyed: false,
  write: () => true,
  end: () => undefined,
  breakOff: () => undefined,
  on: () => undefined,
};
