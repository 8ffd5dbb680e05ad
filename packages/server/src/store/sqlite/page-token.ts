import type { KeyObject } from "node:crypto";
import { createHmac, timingSafeEqual } from "node:crypto";
import type { ListQuery } from "../store.ts";
import { InvalidPageToken } from "../store.ts";

/** Where a page ended: the values that its order compares. */
export interface Position {
  readonly sortValue: string | number;
  readonly name: string;
  readonly account: string;
  readonly region: string;
}

/** Enough that no token is ever guessed, short enough for a URL. */
const macLength = 12;

/** Writes a position as a token that only the same query accepts. */
export function encodePageToken(key: KeyObject, query: ListQuery, position: Position): string {
  const payload = Buffer.from(
    JSON.stringify([position.sortValue, position.name, position.account, position.region]),
    "utf8",
  );
  return Buffer.concat([mac(key, query, payload), payload]).toString("base64url");
}

/** @throws InvalidPageToken when the token was not given out by this query on this store. */
export function decodePageToken(key: KeyObject, query: ListQuery, token: string): Position {
  const bytes = Buffer.from(token, "base64url");
  const payload = bytes.subarray(macLength);
  const isOurs = bytes.length > macLength && timingSafeEqual(bytes.subarray(0, macLength), mac(key, query, payload));
  // Base64 decoding skips what it does not know: a token with noise in it is not the one we gave out either.
  if (!isOurs || bytes.toString("base64url") !== token) throw new InvalidPageToken("The page token is not valid.");
  const [sortValue, name, account, region] = JSON.parse(payload.toString("utf8")) as [
    string | number,
    string,
    string,
    string,
  ];
  return { sortValue, name, account, region };
}

function mac(key: KeyObject, query: ListQuery, payload: Buffer): Buffer {
  // The size of the page may change from page to page; everything else is part of what the position means.
  const { limit: _limit, token: _token, ...rest } = query;
  const given = Object.entries(rest).filter(([, value]) => value !== undefined);
  const fingerprint = JSON.stringify(given.sort(([a], [b]) => (a < b ? -1 : 1)));
  return createHmac("sha256", key).update(fingerprint).update("\0").update(payload).digest().subarray(0, macLength);
}
