import { type NoInstances, serviceUnavailable } from "../invoke/model-errors.ts";
import type { EndpointName, RoutingTable } from "../routing/routing-table.ts";
import { type Held, type HoldQueue, HoldRefused } from "./hold-queue.ts";

/** Brings instances up because a request asks for them. */
export interface Waker {
  /** Which of the variants will be given instances when a request waits for them. */
  wakeable(endpoint: EndpointName, variants: readonly string[]): Promise<readonly string[]>;
  /** A request waits: have a look. */
  wake(endpoint: EndpointName, variants: readonly string[]): void;
}

/** Whoever of several brings the instances of an endpoint up. */
export function firstOf(...wakers: readonly Waker[]): Waker {
  const whose = async (endpoint: EndpointName, variants: readonly string[]) => {
    for (const waker of wakers) {
      const found = await waker.wakeable(endpoint, variants);
      if (found.length > 0) return found;
    }
    return [];
  };
  return {
    wakeable: whose,
    wake(endpoint, variants) {
      for (const waker of wakers) waker.wake(endpoint, variants);
    },
  };
}

/** A request that found no instance. */
interface WaitingRequest<Found> extends EndpointName, Pick<Held<Found>, "bytes" | "find" | "signal"> {
  readonly targetVariant: string | undefined;
  readonly none: NoInstances;
}

/**
 * Waits until an instance can take the request, where scaling brings one up.
 * @throws NoInstances when nobody will.
 * @throws ServiceError ServiceUnavailable when too many wait already, or none came in time.
 */
export async function waitForInstance<Found>(
  held: HoldQueue,
  waker: Waker | undefined,
  request: WaitingRequest<Found>,
): Promise<Found> {
  const { none, targetVariant, bytes, find, signal } = request;
  const variants = (await waker?.wakeable(request, none.variants)) ?? [];
  if (variants.length === 0) throw none;
  const found = held.hold({ key: holdKey(request, targetVariant), bytes, find, signal });
  waker?.wake(request, variants);
  try {
    return await found;
  } catch (error) {
    if (!(error instanceof HoldRefused)) throw error;
    const why = error.reason === "full" ? "as many requests as may wait for it wait already" : "none came up in time";
    throw serviceUnavailable(`Endpoint ${request.name} is being scaled out, and ${why}. Try again later.`);
  }
}

/** Requests without a target wait for any variant, others for theirs. */
export function holdKey({ account, region, name }: EndpointName, variant: string | undefined): string {
  return `${account}/${region}/${name}${variant === undefined ? "" : `/${variant}`}`;
}

/** Lets requests that are held try again whenever instances come up. */
export function retryOnChange(held: HoldQueue, routes: RoutingTable): void {
  routes.onChange((endpoint) => {
    held.retry(holdKey(endpoint, undefined));
    for (const { name } of routes.lookup(endpoint)?.variants ?? []) held.retry(holdKey(endpoint, name));
  });
}
