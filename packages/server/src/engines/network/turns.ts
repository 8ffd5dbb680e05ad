/** Lets one piece of work follow another, whatever became of the one before. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  take<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined); // told to whoever asked for it
    return mine;
  }
}
