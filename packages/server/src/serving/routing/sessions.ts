import type { Backend } from "./backend.ts";
import type { EndpointRoute, VariantRoute } from "./routing-table.ts";

/**
 * Sessions keep a caller with one instance. The container makes a session's id; what the caller gets of it ends with
 * the number of its instance, so that no table of sessions is needed: any gateway finds the instance, also after a
 * restart, and sessions cost nothing however many there are. The container sees its own id again.
 */

/** What a caller asks for to open one. */
const newSession = "NEW_SESSION";
const tagged = /^(.+)-i(\d+)$/u;

/** Where an existing session's requests go. */
export interface SessionPlace {
  /** As the container knows it. */
  readonly id: string;
  readonly variant: VariantRoute;
  readonly backend: Backend;
}

/**
 * The place of a session by the id that a caller has.
 * @returns `undefined` when its instance is gone, or the id never was of this endpoint.
 */
export function findSession(route: EndpointRoute, callersId: string): SessionPlace | undefined {
  const match = tagged.exec(callersId);
  if (match === null) return undefined;
  const [, id = "", number = ""] = match;
  for (const variant of route.variants) {
    const backend = variant.backends.find(({ runId }) => numberOf(runId) === number);
    if (backend !== undefined) return { id, variant, backend };
  }
  return undefined;
}

/** Whether a session id names a session that is there already. */
export function isExisting(sessionId: string | undefined): sessionId is string {
  return sessionId !== undefined && sessionId !== newSession;
}

/**
 * What the caller is told of a session that a container opened or closed.
 * @param header - `<id>`, or `<id>; Expires=...`.
 */
export function callersSession(header: string, runId: string): string {
  const end = header.indexOf(";");
  const id = (end < 0 ? header : header.slice(0, end)).trim();
  return `${id}-i${numberOf(runId)}${end < 0 ? "" : header.slice(end)}`;
}

/** The instance's number within its endpoint: run ids are `e-<12 hex>-<n>`. */
function numberOf(runId: string): string {
  return runId.slice(runId.lastIndexOf("-") + 1);
}
