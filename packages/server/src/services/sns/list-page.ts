import type { Scope } from "../../scope.ts";
import { InvalidPageToken, type Store, type StoredRecord } from "../../store/store.ts";
import { invalidParameter } from "./errors.ts";

/** SNS's pages have 100 entries. */
const pageSize = 100;

/** One page of an account's records of a kind, by name; `next` is spread into the answer. */
export async function listPage<Value>(
  store: Store,
  { account, region }: Scope,
  kind: string,
  token: string | undefined,
  prefix = "",
): Promise<{ readonly records: readonly StoredRecord<Value>[]; readonly next: { readonly NextToken?: string } }> {
  try {
    const query = { kind, account, region, limit: pageSize, ...(prefix && { prefix }), ...(token && { token }) };
    const { records, next } = await store.list<Value>(query);
    return { records, next: next === undefined ? {} : { NextToken: next } };
  } catch (error) {
    if (error instanceof InvalidPageToken) throw invalidParameter("NextToken");
    throw error;
  }
}
