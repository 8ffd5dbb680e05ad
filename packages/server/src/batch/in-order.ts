import type { Permits } from "./permits.ts";

/** How many items are worked on at once, and who hears of what. */
export interface InOrderOptions {
  /** One is held from before an item is taken until its result was used: so many items and results are in memory. */
  readonly permits: Permits;
  /** Called once no further item will be taken. */
  readonly onLast: () => void;
  /** Called at the first failure: what is under way may be broken off. */
  readonly onFailure: () => void;
}

type Settled<Result> = { readonly ok: true; readonly result: Result } | { readonly ok: false };

/**
 * Maps items concurrently and gives the results in the items' order. After a failure nothing new is begun, and the one that
 * came first is thrown, when what was under way has ended.
 * @param discard - Frees a result that nobody will use.
 */
export async function* inOrder<Item, Result>(
  items: AsyncIterator<Item>,
  map: (item: Item) => Promise<Result>,
  discard: (result: Result) => Promise<void>,
  { permits, onLast, onFailure }: InOrderOptions,
): AsyncGenerator<Result> {
  const underWay: Promise<Settled<Result>>[] = [];
  let isOver = false;
  let failure: { readonly error: unknown } | undefined;
  let changed = (): void => {};
  const fail = (error: unknown): Settled<Result> => {
    failure ??= { error };
    onFailure();
    return { ok: false };
  };
  const read = async (): Promise<void> => {
    for (;;) {
      await permits.acquire();
      const next = isOver || failure ? undefined : await items.next().catch((error: unknown) => ({ error }));
      if (next === undefined || ("done" in next && next.done)) return permits.release();
      underWay.push(
        "error" in next
          ? Promise.resolve(fail(next.error))
          : map(next.value).then((result) => ({ ok: true, result }) as const, fail),
      );
      changed();
    }
  };
  const reader = read().finally(() => {
    isOver = true;
    onLast();
    changed();
  });
  const drain = async (): Promise<void> => {
    for (let left = underWay.shift(); left !== undefined; left = underWay.shift()) {
      const settled = await left;
      if (settled.ok) await discard(settled.result);
      permits.release();
    }
  };
  try {
    for (;;) {
      const first = underWay.shift();
      if (first === undefined) {
        if (isOver) return;
        await new Promise<void>((resolve) => (changed = resolve));
        continue;
      }
      const settled = await first;
      try {
        if (!settled.ok) throw failure?.error;
        yield settled.result;
      } finally {
        permits.release();
      }
    }
  } finally {
    isOver = true;
    // The reader may wait for a permit that one of these holds.
    await drain();
    await reader;
    await drain();
    await items.return?.();
  }
}
