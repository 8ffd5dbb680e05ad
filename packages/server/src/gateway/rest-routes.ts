import type { IncomingHttpHeaders } from "node:http";
import { limits } from "./limits.ts";
import { Lru } from "./lru.ts";
import type { OperationSchema, ServiceSchema, Shape } from "./schemas.ts";
import { type Query, uriDecode } from "./sigv4/encode.ts";

/** An operation found by method, path, query and headers, with the labels of its path. */
export interface RouteMatch {
  readonly operation: OperationSchema;
  readonly labels: Readonly<Record<string, string>>;
}

interface Route {
  readonly operation: OperationSchema;
  readonly method: string;
  /** Literal text, or a label's name. */
  readonly segments: readonly ({ readonly literal: string } | { readonly label: string })[];
  /** The last label takes the rest of the path, slashes included. */
  readonly greedy: boolean;
  /** Query pairs that must be there; an empty value means any. */
  readonly statics: Query;
  /** Required members bound to the query or to headers: what tells UploadPart from PutObject. */
  readonly requiredQuery: readonly string[];
  readonly requiredHeaders: readonly string[];
}

interface Table {
  readonly routes: readonly Route[];
  /** Matches that hang on method and path alone: the same few addresses are asked for again and again. */
  readonly known: Lru<string, RouteMatch>;
}

/** Longer ones are not remembered, so that what is remembered stays small. */
const knownLength = 256;

const tables = new WeakMap<ServiceSchema, Table>();

/**
 * Finds the operation of a REST request. Of several that match, the one with the most conditions wins.
 * @param path - Percent-encoded, with the bucket as its first segment where the service has buckets.
 */
export function findRoute(
  schema: ServiceSchema,
  request: { method: string; path: string; query: Query; headers: IncomingHttpHeaders },
): RouteMatch | undefined {
  let table = tables.get(schema);
  if (!table) {
    table = { routes: compile(schema), known: new Lru(limits.knownPaths) };
    tables.set(schema, table);
  }
  const address = `${request.method} ${request.path}`;
  const known = table.known.get(address);
  if (known) return known;
  const segments = request.path.slice(1).split("/");
  // "/bucket/" addresses the bucket, as "/bucket" does; "/" has no segment at all.
  if (segments.at(-1) === "" && segments.length <= 2) segments.pop();
  let hangsOnMore = false;
  for (const route of table.routes) {
    if (route.method !== request.method || !fitsPath(route, segments)) continue;
    hangsOnMore ||= route.statics.length + route.requiredQuery.length + route.requiredHeaders.length > 0;
    if (!fitsRest(route, request)) continue;
    const match = { operation: route.operation, labels: labelsOf(route, segments) };
    if (!hangsOnMore && address.length <= knownLength) table.known.set(address, match);
    return match;
  }
  return undefined;
}

function fitsPath(route: Route, segments: readonly string[]): boolean {
  const { length } = route.segments;
  if (route.greedy ? segments.length < length : segments.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const part = route.segments[i] as Route["segments"][number];
    if ("literal" in part && part.literal !== segments[i]) return false;
  }
  return true;
}

function fitsRest(route: Route, request: { query: Query; headers: IncomingHttpHeaders }): boolean {
  return (
    route.statics.every(([name, value]) =>
      request.query.some(([n, v]) => n === name && (value === "" || v === value)),
    ) &&
    route.requiredQuery.every((name) => request.query.some(([found]) => found === name)) &&
    route.requiredHeaders.every((name) => request.headers[name] !== undefined)
  );
}

function labelsOf(route: Route, segments: readonly string[]): Record<string, string> {
  const labels: Record<string, string> = {};
  const last = route.segments.length - 1;
  route.segments.forEach((part, i) => {
    if (!("label" in part)) return;
    const text = route.greedy && i === last ? segments.slice(i).join("/") : (segments[i] as string);
    labels[part.label] = uriDecode(text);
  });
  return labels;
}

function compile(schema: ServiceSchema): readonly Route[] {
  const routes: Route[] = [];
  for (const operation of schema.operations.values()) {
    if (operation.http) routes.push(routeOf(operation, operation.http));
  }
  // A stable sort: among equals the order of the model stays (ListBuckets before ListDirectoryBuckets).
  const weight = (route: Route): number =>
    route.statics.length + route.requiredQuery.length + route.requiredHeaders.length;
  const literals = (route: Route): number => route.segments.filter((part) => "literal" in part).length;
  return routes.sort((a, b) => literals(b) - literals(a) || weight(b) - weight(a));
}

function routeOf(operation: OperationSchema, [method, template]: NonNullable<OperationSchema["http"]>): Route {
  const [path = "", search = ""] = template.split("?");
  const required = requiredMembers(operation.inputShape);
  const hasBucket = required.some((member) => member.name === "Bucket" && member.traits.httpLabel);
  // The models leave the bucket out of the path, because most clients put it into the host name.
  const whole = hasBucket && !path.includes("{Bucket}") ? `/{Bucket}${path}` : path;
  const texts = whole.split("/").filter((text) => text !== "");
  return {
    operation,
    method,
    segments: texts.map((text) =>
      text.startsWith("{") ? { label: text.replaceAll(/[{}+]/g, "") } : { literal: text },
    ),
    greedy: texts.at(-1)?.endsWith("+}") ?? false,
    // `x-id` only names the operation for access logs; clients other than the newest SDKs leave it out.
    statics: [...new URLSearchParams(search)].filter(([name]) => name !== "x-id"),
    requiredQuery: required.flatMap((member) => (member.traits.httpQuery ? [member.traits.httpQuery] : [])),
    requiredHeaders: required.flatMap((member) =>
      member.traits.httpHeader ? [member.traits.httpHeader.toLowerCase()] : [],
    ),
  };
}

/** A structure's schema holds how many of its members, counted from the first, are required. */
const requiredCountField = 6;

function requiredMembers(shape: Shape): { name: string; traits: ReturnType<Shape["getMergedTraits"]> }[] {
  if (!shape.isStructSchema()) return [];
  const count = (shape.getSchema() as unknown as readonly unknown[])[requiredCountField];
  const members = [...shape.structIterator()].slice(0, typeof count === "number" ? count : 0);
  return members.map(([name, member]) => ({ name, traits: member.getMergedTraits() }));
}
