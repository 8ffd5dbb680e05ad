/**
 * Orders the writers of one process: writers of one key take turns, and a bucket is deleted only between writes. The
 * store's version checks hold against other processes; the turns only spare them the conflicts.
 */
export class BucketLocks {
  readonly #keys = new Map<string, Promise<void>>();
  readonly #writers = new Map<string, number>();
  readonly #closing = new Map<string, Promise<void>>();
  #idle: (() => void)[] = [];

  /** Runs `act` when every earlier writer of this key is through, and no deletion of the bucket is under way. */
  async writing<Result>(bucket: string, key: string, act: () => Promise<Result>): Promise<Result> {
    while (this.#closing.has(bucket)) await this.#closing.get(bucket);
    this.#writers.set(bucket, (this.#writers.get(bucket) ?? 0) + 1);
    const name = `${bucket}/${key}`;
    const before = this.#keys.get(name);
    const turn = (before ?? Promise.resolve()).then(act);
    const settled = turn.then(
      () => {},
      () => {},
    );
    this.#keys.set(name, settled);
    try {
      return await turn;
    } finally {
      if (this.#keys.get(name) === settled) this.#keys.delete(name);
      const left = (this.#writers.get(bucket) as number) - 1;
      if (left > 0) this.#writers.set(bucket, left);
      else this.#writers.delete(bucket);
      for (const wake of this.#idle.splice(0)) wake();
    }
  }

  /** Runs `act` while nobody writes to the bucket. */
  async alone<Result>(bucket: string, act: () => Promise<Result>): Promise<Result> {
    while (this.#closing.has(bucket)) await this.#closing.get(bucket);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#closing.set(bucket, promise);
    try {
      while (this.#writers.has(bucket)) await new Promise<void>((wake) => this.#idle.push(wake));
      return await act();
    } finally {
      this.#closing.delete(bucket);
      resolve();
    }
  }
}
