import { invariant, type ServiceError } from "../../errors.ts";
import type { Scope } from "../../scope.ts";
import { componentLabel, componentOfLabel } from "../components/component.ts";
import type { CountedValues } from "../counted-values.ts";
import { HoldQueue } from "../hold/hold-queue.ts";
import { type Waker, waitForInstance } from "../hold/wait-for-instance.ts";
import type { Backend } from "../routing/backend.ts";
import { chooseBackend, chooseBackendRandomly, chooseForModel, chooseNamed, chooseVariant } from "../routing/choose.ts";
import type { EndpointName, EndpointRoute, Routes, VariantRoute } from "../routing/routing-table.ts";
import { findSession, isExisting, type SessionPlace } from "../routing/sessions.ts";
import { checkTargets } from "../routing/targets.ts";
import type { Place as EnvironmentPlace, Serverless } from "../serverless/serverless.ts";
import { Observation } from "../shadow/observation.ts";
import type { VariantCounter } from "../variant-metrics.ts";
import {
  modelAnsweredError,
  modelBrokeOff,
  modelTimedOut,
  NoInstances,
  type Place,
  serviceUnavailable,
  validationError,
} from "./model-errors.ts";
import type { AnswerSink, ModelRequest, SendOutcome } from "./send.ts";
import { sendTo } from "./send-to.ts";

const sessionHeader = "x-amzn-sagemaker-session-id";

/** One invocation as the runtime API hands it over. */
export interface Invoke {
  readonly scope: Scope;
  readonly endpoint: string;
  /** The inference component that is meant, on an endpoint that has such. */
  readonly component?: string | undefined;
  readonly targetVariant: string | undefined;
  /** As the caller has it; the model's headers lack it. */
  readonly sessionId?: string | undefined;
  readonly inferenceId?: string | undefined;
  /** One of several containers, by its name. */
  readonly targetContainer?: string | undefined;
  /** One of several models, by its key below the prefix of all. */
  readonly targetModel?: string | undefined;
  /** For the model: names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Buffer;
  /** See `ModelRequest.keptBytes`. */
  readonly keptBytes?: number;
  /** For the whole answer; the invoker's own where absent. */
  readonly timeoutMs?: number;
  /** Aborted when the caller hangs up: it need not be held any longer. */
  readonly signal?: AbortSignal;
  /** By `performance.now()`: when the server saw it first. What it takes besides the model is not counted where absent. */
  readonly receivedAt?: number;
  /** Starts an answer that is not kept; see `ModelRequest.overflow`. */
  readonly overflow: (from: Answerer, status: number, headers: readonly string[]) => AnswerSink;
}

/** Who answers. */
export interface Answerer {
  readonly variant: string;
  readonly runId: string;
}

/** A model's good answer. `body` is absent when it has gone out already. */
export interface Answer extends Answerer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body?: Buffer;
  /** Milliseconds, from the request's way to the model to the end of its answer. */
  readonly modelMs: number;
  /** Where to note what the server added, once the answer is on its way. */
  readonly counter: VariantCounter;
}

/** The contract gives a model 60 s for its whole answer. */
export const invocationTimeoutMs = 60_000;

/** What an invoker works with. */
export interface InvokerOptions {
  readonly routes: Routes;
  /** Told about an instance that refused or dropped a connection, so that it is looked at at once. */
  readonly suspected: (runId: string) => void;
  readonly timeoutMs?: number;
  /** Where requests wait for instances that scaling brings up. */
  readonly held?: HoldQueue;
  /** Who runs serverless variants. */
  readonly serverless?: Pick<Serverless, "enter">;
  /** Where it is noted that a component had no copy for a request. */
  readonly counted?: Pick<CountedValues, "note">;
  /** Who brings them up; without it no request waits. */
  readonly waker?: Waker;
}

/** Where a request goes. */
interface Destination {
  readonly variant: VariantRoute;
  readonly backend: Backend;
  readonly session?: SessionPlace;
}

/** Takes invocations to instances and back: chooses variant and instance, tries once more elsewhere, counts. */
export class Invoker {
  readonly #options: InvokerOptions;
  readonly #timeoutMs: number;
  readonly #held: HoldQueue;
  #turn = 0;

  constructor(options: InvokerOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? invocationTimeoutMs;
    this.#held = options.held ?? new HoldQueue();
  }

  /**
   * Invokes a model.
   * @throws ServiceError ValidationError, ModelError or ServiceUnavailable, as the runtime API documents them.
   */
  invoke(request: Invoke): Promise<Answer> {
    const { scope, endpoint, component } = request;
    const routed = component === undefined ? endpoint : componentLabel(component);
    const name = { account: scope.account, region: scope.region, name: routed };
    const route = this.#options.routes.lookup(name);
    if (route !== undefined) return this.#along(name, route, request);
    return this.#options.routes.refresh(name).then((found) => this.#along(name, found ?? notFound(name), request));
  }

  async #along(name: EndpointName, route: EndpointRoute, request: Invoke, place?: EnvironmentPlace): Promise<Answer> {
    if (route.endpoint !== undefined && route.endpoint !== request.endpoint) notFound(name);
    if (route.asynchronous !== undefined) throw onlyLater(route.name);
    if (route.isServerless && place === undefined) return await this.#inPlace(name, route, request);
    const destination = this.#destination(route, request, place);
    const { variant, session, ...chosen } =
      destination instanceof NoInstances ? await this.#wait(name, request, destination, place) : destination;
    checkTargets(variant.targets, request);
    const startedAt = performance.now();
    const timeoutMs = request.timeoutMs ?? this.#timeoutMs;
    const sessionId = session?.id ?? request.sessionId;
    const observation = Observation.of(variant, sessionId !== undefined);
    let { backend } = chosen;
    const modelRequest: ModelRequest = {
      path: "/invocations",
      headers: sessionId === undefined ? request.headers : [...request.headers, sessionHeader, sessionId],
      body: request.body,
      ...(request.keptBytes !== undefined && { keptBytes: request.keptBytes }),
      overflow: (status, headers) => {
        const sink = request.overflow({ variant: variant.name, runId: backend.runId }, status, headers);
        return observation?.around(sink, headers) ?? sink;
      },
    };
    let outcome = await sendTo(variant, backend, modelRequest, timeoutMs, request);
    if (mayTryElsewhere(outcome)) {
      this.#suspect(backend);
      // What a session is about is in its instance alone.
      const second = session === undefined ? this.#elsewhere(variant, backend) : undefined;
      if (second !== undefined) {
        backend = second;
        outcome = await sendTo(variant, second, modelRequest, timeoutMs - (performance.now() - startedAt), request);
        if (mayTryElsewhere(outcome)) this.#suspect(second);
      }
    }
    const modelStatus = outcome.kind === "answered" || outcome.kind === "streamed" ? outcome.status : 0;
    const modelMs = performance.now() - startedAt;
    variant.counter.count(modelStatus, modelMs);
    observation?.end(modelRequest, request, outcome);
    const from = { variant: variant.name, runId: backend.runId };
    if (outcome.kind === "streamed") {
      noteOverhead(variant.counter, request, modelMs);
      return { ...from, status: outcome.status, headers: [], modelMs, counter: variant.counter };
    }
    if (outcome.kind === "answered" && outcome.status >= 200 && outcome.status < 300) {
      const { status, headers, body } = outcome;
      return { ...from, status, headers, body, modelMs, counter: variant.counter };
    }
    noteOverhead(variant.counter, request, modelMs);
    const { scope, endpoint } = request;
    throw failureOf(outcome, { scope, endpoint, container: outcome.container ?? "primary" }, variant.name);
  }

  /** The same for an endpoint of which each request has a place, and an instance, for itself. */
  async #inPlace(name: EndpointName, route: EndpointRoute, request: Invoke): Promise<Answer> {
    const place = this.#options.serverless?.enter(name, route, request.body.length);
    invariant(place !== undefined, "an invoker of serverless endpoints knows who runs them");
    try {
      return await this.#along(name, route, request, place);
    } finally {
      place.leave();
    }
  }

  /** Where the request goes, or why there is no such place at the moment. @throws ServiceError when there is none at all. */
  #destination(route: EndpointRoute, request: Invoke, place: EnvironmentPlace | undefined): Destination | NoInstances {
    if (isExisting(request.sessionId)) {
      const session = sessionOf(route, request, request.sessionId);
      return { variant: session.variant, backend: session.backend, session };
    }
    const variant = variantOf(route, request.targetVariant);
    if (variant instanceof NoInstances) return variant;
    const backend = place === undefined ? this.#choose(variant, request.targetModel) : place.take(variant);
    return backend === undefined ? new NoInstances([variant.name], noneHealthy(variant.name)) : { variant, backend };
  }

  /** Waits for an instance, where scaling brings one up. @throws ServiceError when it does not, or not in time. */
  async #wait(
    name: EndpointName,
    request: Invoke,
    none: NoInstances,
    place: EnvironmentPlace | undefined,
  ): Promise<Destination> {
    const { routes, waker, counted } = this.#options;
    const find = (): Destination | undefined => {
      const found = this.#destination(routes.lookup(name) ?? notFound(name), request, place);
      return found instanceof NoInstances ? undefined : found;
    };
    const { body, signal, targetVariant } = request;
    try {
      return await waitForInstance(this.#held, waker, {
        ...name,
        targetVariant,
        none,
        bytes: body.length,
        find,
        signal,
      });
    } catch (error) {
      if (request.component !== undefined) {
        const { account, region, name: endpoint } = name;
        counted?.note({ account, region, endpoint, variant: undefined }, "NoCapacityInvocationFailures", 1);
      }
      throw error;
    }
  }

  /** Another instance than the one that failed, when there is one with room. */
  #elsewhere(variant: VariantRoute, first: Backend): Backend | undefined {
    const second = chooseBackend(variant.backends, this.#turn, first);
    return second === "busy" ? undefined : second;
  }

  #choose({ name, backends, isRandom, counter }: VariantRoute, model: string | undefined): Backend | undefined {
    this.#turn = (this.#turn + 1) & 0xffff;
    const backend =
      model !== undefined
        ? chooseForModel(backends, model, this.#turn)
        : isRandom
          ? chooseBackendRandomly(backends, Math.random())
          : chooseBackend(backends, this.#turn);
    if (backend === "busy") {
      counter.refuse();
      throw serviceUnavailable(`Variant ${name} has as many requests as it can hold. Try again later.`);
    }
    return backend;
  }

  #suspect(backend: Backend): void {
    backend.suspect = true;
    this.#options.suspected(backend.runId);
  }
}

function onlyLater(endpoint: string): ServiceError {
  return validationError(`Endpoint ${endpoint} answers asynchronously only. Use InvokeEndpointAsync.`);
}

/** Only a request of whose answer nothing was seen may be sent twice. */
function mayTryElsewhere(outcome: SendOutcome): boolean {
  return outcome.kind === "refused" || (outcome.kind === "broken" && !outcome.sawBytes);
}

function notFound({ name, account }: EndpointName): never {
  const component = componentOfLabel(name);
  if (component !== undefined) {
    throw validationError(`Inference component ${component} of account ${account} not found on this endpoint.`);
  }
  // SageMaker says the same of an endpoint that is not in service yet.
  throw validationError(`Endpoint ${name} of account ${account} not found.`);
}

function variantOf(route: EndpointRoute, target: string | undefined): VariantRoute | NoInstances {
  const variant =
    target === undefined ? chooseVariant(route, Math.random()) : chooseNamed(route, target, Math.random());
  if (variant?.hostsComponents) {
    throw validationError(
      `Endpoint ${route.name} has inference components; say which is meant with InferenceComponentName.`,
    );
  }
  if (variant?.isStopped === false) return variant;
  if (variant !== undefined || (target === undefined && route.variants.every(({ isStopped }) => isStopped))) {
    const who = variant === undefined ? `Endpoint ${route.name}` : `Variant ${variant.name} of endpoint ${route.name}`;
    const component = componentOfLabel(route.name);
    if (component !== undefined) {
      return new NoInstances(
        [route.variants[0]?.name ?? ""],
        validationError(
          `Inference component ${component} has no capacity to process this request: its copy count is 0. Scaling may be under way; otherwise raise it with UpdateInferenceComponentRuntimeConfig.`,
        ),
      );
    }
    const stopped = variant === undefined ? route.variants.map(({ name }) => name) : [variant.name];
    return new NoInstances(
      stopped,
      validationError(
        `${who} has no capacity to process this request: its instance count is 0. Raise it with UpdateEndpointWeightsAndCapacities.`,
      ),
    );
  }
  if (target === undefined)
    throw validationError(`No variant of endpoint ${route.name} gets traffic: all weights are 0.`);
  throw validationError(`Variant ${target} of endpoint ${route.name} not found.`);
}

/** @throws ServiceError ValidationError when the session is not there, or not of the variant that is asked for. */
function sessionOf(route: EndpointRoute, request: Invoke, sessionId: string): SessionPlace {
  const session = findSession(route, sessionId);
  if (session === undefined) {
    throw validationError(
      `Session ${sessionId} of endpoint ${route.name} not found: its instance is gone, or it was never opened. Open one with the session id NEW_SESSION.`,
    );
  }
  const { name } = session.variant;
  if (request.targetVariant === undefined || request.targetVariant === name) return session;
  throw validationError(`Session ${sessionId} is of variant ${name}, not of ${request.targetVariant}.`);
}

/** Of answers whose end this invoker sees. */
function noteOverhead(counter: VariantCounter, { receivedAt }: Invoke, modelMs: number): void {
  if (receivedAt !== undefined) counter.overhead(performance.now() - receivedAt - modelMs);
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
