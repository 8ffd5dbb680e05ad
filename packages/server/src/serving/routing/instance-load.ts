/**
 * How busy one instance is and whether it is suspected, in memory that every gateway worker sees: each adds to a cell of
 * its own, so that nothing is locked and what a crashed worker had under way can be taken off again. The sum may be a
 * request or two behind what other threads have just begun.
 */
export class InstanceLoad {
  /** First whether it is suspected, then what each worker has under way. */
  readonly cells: Int32Array;
  readonly #own: number;

  /** @param worker - Whose cell `begin` and `end` count in; 0 is the main process. */
  constructor(cells: Int32Array, worker: number) {
    this.cells = cells;
    this.#own = worker + 1;
  }

  /** Requests under way in it, of all workers. */
  get outstanding(): number {
    const { cells } = this;
    let sum = 0;
    for (let at = 1; at < cells.length; at++) sum += cells[at] as number;
    return sum;
  }

  begin(): void {
    this.cells[this.#own] = (this.cells[this.#own] as number) + 1;
  }

  end(): void {
    this.cells[this.#own] = (this.cells[this.#own] as number) - 1;
  }

  get suspect(): boolean {
    return this.cells[0] === 1;
  }

  set suspect(is: boolean) {
    this.cells[0] = is ? 1 : 0;
  }
}

/** The loads of all instances that are routed to. */
export class InstanceLoads {
  readonly #loads = new Map<string, InstanceLoad>();
  readonly #workers: number;
  readonly #worker: number;

  /**
   * @param workers - Workers besides the main process.
   * @param worker - Who counts here; 0 is the main process, which makes the memory that others are handed.
   */
  constructor(workers = 0, worker = 0) {
    this.#workers = workers;
    this.#worker = worker;
  }

  /** The instance's load, made when it is first asked for. */
  of(runId: string): InstanceLoad {
    return this.#loads.get(runId) ?? this.share(runId, newCells(this.#workers));
  }

  /** Counts an instance in memory that another thread made. */
  share(runId: string, cells: Int32Array): InstanceLoad {
    const load = new InstanceLoad(cells, this.#worker);
    this.#loads.set(runId, load);
    return load;
  }

  /** Forgets an instance that is gone. */
  forget(runId: string): void {
    this.#loads.delete(runId);
  }

  /** Takes off what a worker had under way when it died. */
  clear(worker: number): void {
    for (const { cells } of this.#loads.values()) cells[worker + 1] = 0;
  }
}

function newCells(workers: number): Int32Array {
  const bytes = (2 + workers) * Int32Array.BYTES_PER_ELEMENT;
  // Where nobody else looks, plain memory is a little quicker and much smaller.
  return workers === 0 ? new Int32Array(2) : new Int32Array(new SharedArrayBuffer(bytes));
}
