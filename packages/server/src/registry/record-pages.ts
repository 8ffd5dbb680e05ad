import type { ListQuery, Store, StoredRecord } from "../store/store.ts";

/** Every record of a query, page by page: no more than a page is in memory. */
export async function* allRecords<Value>(
  store: Store,
  query: Omit<ListQuery, "limit" | "token">,
): AsyncGenerator<StoredRecord<Value>> {
  let token: string | undefined;
  do {
    const page = await store.list<Value>({ ...query, limit: 500, ...(token !== undefined && { token }) });
    yield* page.records;
    token = page.next;
  } while (token !== undefined);
}
