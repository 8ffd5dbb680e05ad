import type { Encryption } from "../../objects/object-records.ts";
import type { RecordKey } from "../../store/store.ts";

/** An object in S3. */
export interface Place {
  readonly bucket: string;
  readonly key: string;
}

/**
 * The value of an `async-invocation` record: one request that has not been answered yet. Everything that is needed to
 * answer it is in it, as it was when it came.
 */
export interface AsyncRequest {
  readonly endpoint: string;
  readonly inferenceId: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** Milliseconds since 1970: not begun by then, it fails. */
  readonly expiresAt: number;
  readonly timeoutMs: number;
  readonly contentType?: string;
  readonly accept?: string;
  readonly customAttributes?: string;
  readonly input: Place | { readonly inline: string };
  readonly output: Place;
  readonly failure?: Place;
  readonly encryption?: Encryption;
  readonly successTopic?: string;
  readonly errorTopic?: string;
  readonly includesAnswer: { readonly success: boolean; readonly error: boolean };
}

/** A request that waits, as far as the queue knows it. */
export interface Waiting {
  /** The record's name. */
  readonly name: string;
  readonly receivedAt: number;
  readonly expiresAt: number;
  /** Attempts that ended with their instance. */
  readonly broken: number;
}

/** The kind of these records. */
export const asyncKind = "async-invocation";

/**
 * Where a request is recorded. An endpoint's requests stand side by side, in the order in which they came.
 * @param runPrefix - Of the endpoint: a namesake of a deleted endpoint has other requests.
 */
export function asyncKey(
  { account, region }: { readonly account: string; readonly region: string },
  runPrefix: string,
  receivedAt: number,
  id: string,
): RecordKey {
  const time = String(receivedAt).padStart(14, "0");
  return { account, region, kind: asyncKind, name: `${runPrefix}/${time}-${id}` };
}

/** The run prefix of a request's endpoint. */
export function runPrefixOf(name: string): string {
  return name.slice(0, name.indexOf("/"));
}
