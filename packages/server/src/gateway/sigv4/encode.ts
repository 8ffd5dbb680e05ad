/** Characters that SigV4 leaves as they are, and the slash of a path. */
const plainPath = /^[A-Za-z0-9\-._~/]*$/;
const escaped = /[!'()*]/g;

/** Percent-encodes everything but `A-Z a-z 0-9 - . _ ~`, as SigV4 wants it (encodeURIComponent leaves `!'()*`). */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(escaped, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Thrown for a request line whose percent-encoding is broken. */
export class MalformedUri extends Error {
  override readonly name = "MalformedUri";
}

/** Undoes percent-encoding. @throws MalformedUri when it is broken or not UTF-8. */
export function uriDecode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new MalformedUri(`"${text}" is not percent-encoded UTF-8.`, { cause });
  }
}

/**
 * The path as it was signed. S3 signs the path encoded once; every other service encodes the path of the request line a
 * second time, after `.`, `..` and empty segments are resolved.
 */
export function canonicalPath(path: string, style: "s3" | "other"): string {
  if (style === "s3") return plainPath.test(path) ? path : path.split("/").map(reencode).join("/");
  const normal = path.includes("//") || path.includes("/.") ? resolveDots(path) : path;
  return plainPath.test(normal) ? normal : normal.split("/").map(uriEncode).join("/");
}

function reencode(segment: string): string {
  return uriEncode(uriDecode(segment));
}

function resolveDots(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  const end = path.endsWith("/") && kept.length > 0 ? "/" : "";
  return `/${kept.join("/")}${end}`;
}

/** A query's pairs, decoded, in the order of the request line. `+` is a space, as S3 reads it. */
export type Query = readonly (readonly [name: string, value: string])[];

/** Takes a query string apart. @throws MalformedUri */
export function parseQuery(query: string): Query {
  if (query === "") return [];
  const pairs: [string, string][] = [];
  for (const part of query.split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const name = at < 0 ? part : part.slice(0, at);
    const value = at < 0 ? "" : part.slice(at + 1);
    pairs.push([uriDecode(name.replaceAll("+", " ")), uriDecode(value.replaceAll("+", " "))]);
  }
  return pairs;
}

/** The query as it was signed: encoded, then sorted by name and value. `without` names the signature itself. */
export function canonicalQuery(query: Query, without?: string): string {
  if (query.length === 0) return "";
  const pairs: [string, string][] = [];
  for (const [name, value] of query) if (name !== without) pairs.push([uriEncode(name), uriEncode(value)]);
  pairs.sort(([a, x], [b, y]) => compare(a, b) || compare(x, y));
  return pairs.map(([name, value]) => `${name}=${value}`).join("&");
}

/** Encoded text is ASCII, so that code units sort as bytes do. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
