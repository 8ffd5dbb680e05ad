import type { Clock } from "../../clock.ts";
import { type MetricStore, TooManySeries } from "../metric-store.ts";
import { MetricThread } from "./metric-thread.ts";
import type { CollectionSlice } from "./retention.ts";
import { maxSeries } from "./samples.ts";

/** The store of metrics in a SQLite database of its own, which is made on first use. */
export function openMetricStore(path: string, { clock }: { readonly clock: Clock }): MetricStore {
  const thread = new MetricThread(path);
  return {
    async put(data) {
      if (data.length === 0) return;
      const refused = await thread.ask("put", data);
      if (refused) throw new TooManySeries(`There are ${maxSeries} metrics already.`);
    },
    list: (query) => thread.ask("list", query),
    statistics: (query) => thread.ask("statistics", query),
    followLog: (log) => thread.ask("followLog", log, clock.now()),
    lastValues: (owner) => thread.ask("lastValues", owner),
    forgetLogs: (owner) => thread.ask("forgetLogs", owner),
    putSteps: (run) => thread.ask("putSteps", run),
    steps: (query) => thread.ask("steps", query),
    forgetSteps: (scope, run) => thread.ask("forgetSteps", scope, run),
    async collect(nowMillis) {
      const now = Math.floor(nowMillis / 1000);
      await thread.ask("collectOthers", now);
      let dropped = 0;
      for (let after: number | undefined = 0; after !== undefined; ) {
        const slice: CollectionSlice = await thread.ask("collectSamples", after, now);
        dropped += slice.dropped;
        after = slice.next;
      }
      return dropped;
    },
    close: () => thread.close(),
  };
}
