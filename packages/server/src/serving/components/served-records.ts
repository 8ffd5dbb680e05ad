import type { Store, StoredRecord } from "../../store/store.ts";
import type { EndpointValue } from "../fleet.ts";

/** Kinds of records that have fleets: endpoints, and the inference components on them. */
export const servedKinds = ["endpoint", "inference-component"] as const;

/** Every record that has fleets. */
export async function* servedRecords(store: Pick<Store, "list">): AsyncGenerator<StoredRecord<EndpointValue>> {
  for (const kind of servedKinds) {
    let token: string | undefined;
    do {
      const page = await store.list<EndpointValue>({ kind, limit: 1_000, ...(token !== undefined && { token }) });
      yield* page.records;
      token = page.next;
    } while (token !== undefined);
  }
}
