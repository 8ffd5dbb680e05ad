import type { ContentType } from "../channels.ts";
import { parseContentType } from "../content-type.ts";
import { RequestError } from "../errors.ts";
import { knownMediaType, type MediaType, mediaTypeList } from "./media-types.ts";

export interface Accepted {
  readonly type: MediaType;
  readonly parameters: ReadonlyMap<string, string>;
}

const none: ReadonlyMap<string, string> = new Map();

/**
 * Chooses the answer's type from an Accept header (RFC 9110, section 12.5.1): the highest quality wins, and the first
 * among equals.
 * @throws RequestError 406 when nothing accepted is spoken here.
 */
export function negotiate(header: string | undefined, fallback: MediaType): Accepted {
  if (header === undefined || header === "" || header === "*/*") return { type: fallback, parameters: none };
  const exact = knownMediaType(header);
  if (exact !== undefined) return { type: exact, parameters: none };
  const wanted = header
    .split(",")
    .map(parseContentType)
    .map((range) => ({ range, quality: Number(range.parameters.get("q") ?? 1) }))
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { range } of wanted) {
    const type = spokenOf(range, fallback);
    if (type !== undefined) return { type, parameters: range.parameters };
  }
  throw new RequestError(406, `Accept '${header}' cannot be answered: expected one of ${mediaTypeList}.`);
}

function spokenOf({ type }: ContentType, fallback: MediaType): MediaType | undefined {
  if (type === "*/*" || type === `${fallback.split("/")[0]}/*`) return fallback;
  if (type === "text/*") return "text/csv";
  if (type === "application/*") return "application/json";
  return knownMediaType(type);
}
