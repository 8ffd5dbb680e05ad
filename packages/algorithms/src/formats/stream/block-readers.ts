import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { workerFile } from "../../job/build-files.ts";
import { CustomerError } from "../../job/errors.ts";
import type { Table } from "../rows.ts";
import { type BlockParser, openParser, type ParserPlan } from "./block-parser.ts";
import type { BlockPlace } from "./block-plan.ts";
import { BlockWindow } from "./block-window.ts";
import { RowRoom } from "./row-room.ts";
import type { StreamReport, StreamWork } from "./stream.worker.ts";

interface ReadersOptions {
  readonly places: Iterator<BlockPlace>;
  /** Threads to read with, this one included. */
  readonly threads: number;
  /** Text of a block in bytes. */
  readonly blockBytes: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads the blocks of one pass on several threads and hands them out in order. Threads read ahead of whoever uses the
 * rows by a window of blocks; the thread that waits for a block reads as well.
 */
export class BlockReaders implements AsyncDisposable {
  readonly #options: ReadersOptions;
  readonly #window: BlockWindow;
  readonly #slots: readonly SharedArrayBuffer[];
  readonly #parser: BlockParser;
  readonly #workers: readonly Worker[];
  readonly #arrived = new Map<number, Table | CustomerError>();
  /** Why a thread ended. */
  #failure: { readonly error: unknown } | undefined;
  #arrival = Promise.withResolvers<void>();
  #next = 0;
  /** What the plan ends with: nothing, or a file that is none of its kind, to be said when the rows before it are used. */
  #end: { readonly fault?: unknown } | undefined;

  constructor(plan: ParserPlan, options: ReadersOptions) {
    const { threads, blockBytes } = options;
    this.#options = options;
    this.#window = BlockWindow.of(threads === 1 ? 1 : 2 * threads + 2);
    // The shortest number is a digit and a comma, and becomes four bytes. Memory that is not written to costs nothing.
    this.#slots = Array.from({ length: this.#window.size }, () => new SharedArrayBuffer(2 * blockBytes + 4096));
    this.#parser = openParser(plan);
    const workerData: StreamWork = { plan, window: this.#window.shared, slots: this.#slots };
    this.#workers = Array.from({ length: threads - 1 }, () => this.#start(workerData));
  }

  /** Whether the blocks that are read from now on lie in memory of their own. */
  set isKeeping(value: boolean) {
    this.#window.isKeeping = value;
  }

  /**
   * The next block's rows, or undefined after the last. They stay until the one after is asked for.
   * @throws CustomerError where the block has a row that does not fit.
   */
  async next(): Promise<Table | undefined> {
    const block = this.#next++;
    this.#publish(block + this.#window.size);
    if (block === this.#window.published) {
      if (this.#end?.fault !== undefined) throw this.#end.fault;
      return undefined;
    }
    const table = await this.#wait(block);
    this.#arrived.delete(block);
    if (table instanceof CustomerError) throw table;
    return table;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#parser.close();
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  async #wait(block: number): Promise<Table | CustomerError> {
    for (;;) {
      // Lets in what other threads have read, and a signal to stop.
      await setImmediate();
      this.#options.signal?.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure.error;
      const found = this.#arrived.get(block);
      if (found !== undefined) return found;
      const taken = this.#window.take();
      if (taken !== undefined) this.#arrived.set(taken, this.#read(taken));
      else await this.#arrival.promise;
    }
  }

  #publish(limit: number): void {
    while (this.#end === undefined && this.#window.published < limit) {
      try {
        const place = this.#options.places.next();
        if (place.done) this.#end = {};
        else this.#window.publish(place.value);
      } catch (fault) {
        this.#end = { fault };
      }
    }
  }

  #read(block: number): Table | CustomerError {
    const slot = this.#window.isKeeping ? undefined : this.#slots[block % this.#window.size];
    try {
      return this.#parser.parse(this.#window.place(block), new RowRoom(slot));
    } catch (error) {
      if (error instanceof CustomerError) return error;
      throw error;
    }
  }

  #start(workerData: StreamWork): Worker {
    const worker = new Worker(workerFile(import.meta.url, "stream.worker"), { workerData });
    worker.on("error", (error) => {
      this.#failure ??= { error };
      this.#wake();
    });
    worker.on("message", (report: StreamReport) => {
      this.#arrived.set(report.block, "table" in report ? report.table : new CustomerError(report.problem));
      this.#wake();
    });
    return worker;
  }

  #wake(): void {
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }
}
