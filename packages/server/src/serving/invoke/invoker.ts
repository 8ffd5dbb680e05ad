import type { ServerResponse } from "node:http";
import type { ServiceError } from "../../errors.ts";
import type { Scope } from "../../scope.ts";
import type { Backend } from "../routing/backend.ts";
import { chooseBackend, chooseBackendRandomly, chooseVariant } from "../routing/choose.ts";
import type { EndpointRoute, RoutingTable, VariantRoute } from "../routing/routing-table.ts";
import {
  modelAnsweredError,
  modelBrokeOff,
  modelTimedOut,
  type Place,
  serviceUnavailable,
  validationError,
} from "./model-errors.ts";
import { type ModelRequest, type SendOutcome, send } from "./send.ts";

/** One invocation as the runtime API hands it over. */
export interface Invoke {
  readonly scope: Scope;
  readonly endpoint: string;
  readonly targetVariant: string | undefined;
  /** For the model: names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** Starts an answer that is too long to be kept; see `ModelRequest.overflow`. */
  readonly overflow: (variant: string, status: number, headers: readonly string[]) => ServerResponse;
}

/** A model's good answer. `body` is absent when it has gone out already. */
export interface Answer {
  readonly variant: string;
  readonly status: number;
  readonly headers: readonly string[];
  readonly body?: Buffer;
}

/** The contract gives a model 60 s for its whole answer. */
export const invocationTimeoutMs = 60_000;

/** What an invoker works with. */
export interface InvokerOptions {
  readonly routes: RoutingTable;
  /** Told about an instance that refused or dropped a connection, so that it is looked at at once. */
  readonly suspected: (runId: string) => void;
  readonly timeoutMs?: number;
}

/** Takes invocations to instances and back: chooses variant and instance, tries once more elsewhere, counts. */
export class Invoker {
  readonly #options: InvokerOptions;
  readonly #timeoutMs: number;
  #turn = 0;

  constructor(options: InvokerOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? invocationTimeoutMs;
  }

  /**
   * Invokes a model.
   * @throws ServiceError ValidationError, ModelError or ServiceUnavailable, as the runtime API documents them.
   */
  invoke(request: Invoke): Promise<Answer> {
    const { scope, endpoint } = request;
    const name = { account: scope.account, region: scope.region, name: endpoint };
    const route = this.#options.routes.lookup(name);
    if (route !== undefined) return this.#along(route, request);
    return this.#options.routes.refresh(name).then((found) => {
      // SageMaker says the same of an endpoint that is not in service yet.
      if (found === undefined) throw validationError(`Endpoint ${endpoint} of account ${scope.account} not found.`);
      return this.#along(found, request);
    });
  }

  async #along(route: EndpointRoute, request: Invoke): Promise<Answer> {
    const variant = variantOf(route, request.targetVariant);
    const startedAt = performance.now();
    const first = this.#choose(variant);
    const modelRequest: ModelRequest = {
      path: "/invocations",
      headers: request.headers,
      body: request.body,
      overflow: (status, headers) => request.overflow(variant.name, status, headers),
    };
    let outcome = await send(first, modelRequest, this.#timeoutMs);
    if (mayTryElsewhere(outcome)) {
      const leftMs = this.#timeoutMs - (performance.now() - startedAt);
      outcome = await this.#elsewhere(variant, first, modelRequest, outcome, leftMs);
    }
    const modelStatus = outcome.kind === "answered" || outcome.kind === "streamed" ? outcome.status : 0;
    variant.counter.count(modelStatus, performance.now() - startedAt);
    return answerOf(outcome, request, variant);
  }

  /** @returns What came of the second attempt; `outcome` when there is nobody else to ask. */
  async #elsewhere(
    variant: VariantRoute,
    first: Backend,
    modelRequest: ModelRequest,
    outcome: SendOutcome,
    leftMs: number,
  ): Promise<SendOutcome> {
    this.#suspect(first);
    const second = chooseBackend(variant.backends, this.#turn, first);
    if (second === undefined || second === "busy") return outcome;
    const again = await send(second, modelRequest, leftMs);
    if (mayTryElsewhere(again)) this.#suspect(second);
    return again;
  }

  #choose(variant: VariantRoute): Backend {
    this.#turn = (this.#turn + 1) & 0xffff;
    const backend = variant.isRandom
      ? chooseBackendRandomly(variant.backends, Math.random())
      : chooseBackend(variant.backends, this.#turn);
    if (backend === "busy")
      throw serviceUnavailable(`Variant ${variant.name} has as many requests as it can hold. Try again later.`);
    if (backend === undefined) throw noneHealthy(variant.name);
    return backend;
  }

  #suspect(backend: Backend): void {
    backend.suspect = true;
    this.#options.suspected(backend.runId);
  }
}

/** Only a request of whose answer nothing was seen may be sent twice. */
function mayTryElsewhere(outcome: SendOutcome): boolean {
  return outcome.kind === "refused" || (outcome.kind === "broken" && !outcome.sawBytes);
}

function variantOf(route: EndpointRoute, target: string | undefined): VariantRoute {
  const variant =
    target === undefined ? chooseVariant(route, Math.random()) : route.variants.find(({ name }) => name === target);
  if (variant?.isStopped === false) return variant;
  if (variant !== undefined || (target === undefined && route.variants.every(({ isStopped }) => isStopped))) {
    const who = variant === undefined ? `Endpoint ${route.name}` : `Variant ${variant.name} of endpoint ${route.name}`;
    throw validationError(
      `${who} has no capacity to process this request: its instance count is 0. Raise it with UpdateEndpointWeightsAndCapacities.`,
    );
  }
  if (target === undefined)
    throw validationError(`No variant of endpoint ${route.name} gets traffic: all weights are 0.`);
  throw validationError(`Variant ${target} of endpoint ${route.name} not found.`);
}

function answerOf(outcome: SendOutcome, request: Invoke, variant: VariantRoute): Answer {
  if (outcome.kind === "streamed") return { variant: variant.name, status: outcome.status, headers: [] };
  if (outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300) {
    return { variant: variant.name, status: outcome.status, headers: outcome.headers, body: outcome.body };
  }
  const { scope, endpoint } = request;
  const place: Place = { scope, endpoint, container: "primary" };
  throw failureOf(outcome, place, variant.name);
}

function failureOf(outcome: Exclude<SendOutcome, { kind: "streamed" }>, place: Place, variant: string): ServiceError {
  if (outcome.kind === "answered") return modelAnsweredError(place, outcome.status, outcome.body);
  if (outcome.kind === "timeout") return modelTimedOut(place);
  if (outcome.kind === "broken") return modelBrokeOff(place);
  return noneHealthy(variant);
}

function noneHealthy(variant: string): ServiceError {
  return serviceUnavailable(
    `No instance of variant ${variant} is healthy at the moment; a replacement is being started. Try again later.`,
  );
}
