import type { EndpointValue } from "../fleet.ts";
import type { EndpointName } from "../routing/routing-table.ts";

/**
 * The value of an `inference-component` record: a model of its own on an endpoint's instances. It is run, updated and routed
 * exactly as an endpoint of one variant is, whose instances are the component's copies.
 */
export interface ComponentValue extends EndpointValue {
  readonly endpoint: string;
  /** Tells the endpoint from a later one of its name. */
  readonly endpointIncarnation: string;
  readonly endpointArn: string;
  /** The variant whose instances it is on; also the name of its own only variant. */
  readonly hostVariant: string;
}

/** Components have routes, counters and queues beside endpoints; no endpoint's name has a slash. */
const label = "inference-component/";

/** What a component goes by where endpoints go by their names. */
export function componentLabel(name: string): string {
  return label + name;
}

/** The component of such a label; `undefined` for an endpoint's name. */
export function componentOfLabel(name: string): string | undefined {
  return name.startsWith(label) ? name.slice(label.length) : undefined;
}

/** What a record of either kind goes by. */
export function routeName({ account, region, name, kind }: EndpointName & { readonly kind?: string }): EndpointName {
  return { account, region, name: kind === "inference-component" ? componentLabel(name) : name };
}

/** The kind and name of the record behind a route's name. */
export function recordOfRoute(name: string): { readonly kind: string; readonly name: string } {
  const component = componentOfLabel(name);
  return component === undefined ? { kind: "endpoint", name } : { kind: "inference-component", name: component };
}
