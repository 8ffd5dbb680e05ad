import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeContract } from "../store-contract.ts";
import { openSqliteStore } from "./sqlite-store.ts";

for (const commit of ["inline", "worker"] as const) {
  storeContract(`SQLite, committing ${commit}`, async (clock) => {
    const folder = await mkdtemp(join(tmpdir(), "sagebrush-store-"));
    const path = join(folder, "records.db");
    let store = await openSqliteStore(path, { clock, commit });
    return {
      store,
      async reopen() {
        await store.close();
        store = await openSqliteStore(path, { clock, commit });
        return store;
      },
      async dispose() {
        await store.close();
        await rm(folder, { recursive: true });
      },
    };
  });
}
