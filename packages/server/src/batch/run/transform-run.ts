import { mkdir } from "node:fs/promises";
import type { Log } from "../../log.ts";
import type { ObjectCatalogue } from "../../objects/object-catalogue.ts";
import { type ExecutionParameters, executionParameters } from "../model/execution-parameters.ts";
import { Permits } from "../permits.ts";
import { PortionMemory } from "../splits/portions.ts";
import { transformObject } from "../transform-object.ts";
import {
  effectiveSettings,
  settingsLine,
  type TransformRequest,
  type TransformSettings,
} from "../transform-settings.ts";
import { DataLog } from "./data-log.ts";
import { type InputObject, readInputList } from "./input-list.ts";
import { InstanceSlot } from "./instance-slot.ts";
import { Journal, type ObjectResult } from "./journal.ts";
import { objectFailure } from "./object-failure.ts";

/** What a run works with. */
export interface TransformRunOptions {
  readonly request: TransformRequest;
  /** Stores outputs under the job's key, where it has one. */
  readonly objects: Pick<ObjectCatalogue, "read" | "source" | "put" | "head">;
  readonly output: { readonly bucket: string; readonly prefix: string };
  /** No other job's: by it a run knows outputs that this job has stored before. */
  readonly name: string;
  /** Files with the list of objects and with what became of them. */
  readonly inputList: string;
  readonly journal: string;
  /** For answers that are too large for memory. */
  readonly scratch: string;
  /** Data logs of the instances, by their places. */
  readonly dataLogs: readonly string[];
  readonly log: Log;
  /** Called when it ended, whichever way. */
  readonly ended: () => void;
}

/** How a run ended. */
export type TransformOutcome =
  /** Every object is done. */
  | { readonly kind: "done"; readonly results: readonly ObjectResult[]; readonly objects: readonly InputObject[] }
  /** The platform failed; what is done is kept. */
  | { readonly kind: "broken"; readonly error: unknown };

/** Objects of an instance whose output is being stored while others use its permits. */
const storingAtOnce = 4;

/**
 * Takes a job's objects through its instances: each instance takes the next object when it has nothing to read, so that no object
 * is shared, and a slow instance holds up nobody. In memory only; what is done is in the journal, and a new run goes on behind it.
 */
export class TransformRun {
  readonly #options: TransformRunOptions;
  readonly #slots: readonly InstanceSlot[];
  readonly #stopping = new AbortController();
  #objects: readonly InputObject[] = [];
  #next = 0;
  #stored = 0;
  #outcome: TransformOutcome | undefined;
  #offered: Promise<ExecutionParameters> | undefined;
  readonly #running: Promise<void>;

  /** Begins at once; requests wait until instances are attached. */
  constructor(options: TransformRunOptions) {
    this.#options = options;
    this.#slots = options.dataLogs.map(() => new InstanceSlot());
    this.#running = this.#run().finally(() => options.ended());
  }

  /** How it ended, once it did. */
  get outcome(): TransformOutcome | undefined {
    return this.#outcome;
  }

  /** Objects whose outputs this run has stored. */
  get stored(): number {
    return this.#stored;
  }

  /** Sends an instance's requests to a run that answers pings. */
  attach(index: number, runId: string, address: string): void {
    this.#slots[index]?.attach(runId, address);
  }

  /** Lets an instance's requests wait for its next run. */
  detach(index: number): void {
    this.#slots[index]?.detach();
  }

  /** Drops what is under way: nothing of it is stored. Resolves when nothing is under way any more. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("the transform job stops"));
    await this.#running;
    for (const slot of this.#slots) slot.detach();
  }

  async #run(): Promise<void> {
    let journal: Journal | undefined;
    try {
      await mkdir(this.#options.scratch, { recursive: true, mode: 0o700 });
      this.#objects = await readInputList(this.#options.inputList);
      journal = await Journal.open(this.#options.journal);
      const work = this.#slots.map((slot, index) => this.#work(slot, index, journal as Journal));
      for (const settled of await Promise.allSettled(work)) if (settled.status === "rejected") throw settled.reason;
      this.#outcome = { kind: "done", results: [...journal.results.values()], objects: this.#objects };
    } catch (error) {
      this.#outcome = { kind: "broken", error };
    } finally {
      await journal?.close();
    }
  }

  /** The objects of one instance. @throws What is the platform's fault, when nothing is under way any more. */
  async #work(slot: InstanceSlot, index: number, journal: Journal): Promise<void> {
    const { signal } = this.#stopping;
    if (this.#remaining(journal) === 0) return;
    const { address } = await slot.ready(signal);
    this.#offered ??= executionParameters(address);
    const settings = effectiveSettings(this.#options.request, await this.#offered);
    const dataLog = new DataLog(this.#options.dataLogs[index] as string);
    dataLog.write(settingsLine(settings));
    const permits = new Permits(settings.maxConcurrentTransforms);
    const memories = new PortionMemory(settings.maxConcurrentTransforms + 1);
    const underWay = new Set<Promise<void>>();
    try {
      for (;;) {
        signal.throwIfAborted();
        const number = this.#take(journal);
        if (number === undefined) break;
        const read = Promise.withResolvers<void>();
        const task: Promise<void> = this.#object(number, {
          slot,
          settings,
          permits,
          memories,
          dataLog,
          journal,
          onRead: read.resolve,
        })
          .catch((error: unknown) => this.#stopping.abort(error))
          .finally(() => underWay.delete(task));
        underWay.add(task);
        await Promise.race([read.promise, task]);
        while (underWay.size >= settings.maxConcurrentTransforms + storingAtOnce) await Promise.race(underWay);
      }
    } finally {
      await Promise.all(underWay);
      await dataLog.flush();
    }
    signal.throwIfAborted();
  }

  /** The next object that nobody has and that is not done. */
  #take({ results }: Journal): number | undefined {
    while (results.has(this.#next)) this.#next += 1;
    return this.#next < this.#objects.length ? this.#next++ : undefined;
  }

  #remaining({ results }: Journal): number {
    return this.#objects.length - results.size;
  }

  /** One object, to its output or to why it has none. @throws What is the platform's fault, or that the job stops. */
  async #object(
    index: number,
    parts: {
      readonly slot: InstanceSlot;
      readonly settings: TransformSettings;
      readonly permits: Permits;
      readonly memories: PortionMemory;
      readonly dataLog: DataLog;
      readonly journal: Journal;
      readonly onRead: () => void;
    },
  ): Promise<void> {
    const { objects, output, scratch } = this.#options;
    const origin = `${this.#options.name}/${index}`;
    const { bucket, key, name } = this.#objects[index] as InputObject;
    const { signal } = this.#stopping;
    const { slot, dataLog, journal, ...how } = parts;
    const outputKey = `${output.prefix}${name}.out`;
    let result: ObjectResult = { index };
    try {
      // A server that was killed may have stored it and not have come to write that down.
      const isStored = journal.isContinued && (await objects.head(output.bucket, outputKey))?.origin === origin;
      if (!isStored) {
        const open = () => objects.read(bucket, key);
        const source = () => objects.source(bucket, key);
        const body = transformObject({ ...how, open, source, server: slot, folder: scratch, signal });
        await objects.put(output.bucket, outputKey, body, { ...outputAttributes(how.settings), origin });
      }
    } catch (error) {
      signal.throwIfAborted();
      const failure = objectFailure(error);
      if (failure === undefined) throw error;
      dataLog.failure(`${bucket}/${key}`, failure.error);
      result = { index, failure: { kind: failure.kind, reason: failure.error.message.slice(0, 512) } };
    }
    await journal.add(result);
    if (result.failure === undefined) this.#stored += 1;
  }
}

function outputAttributes({ accept }: TransformSettings): { contentType?: string } {
  return accept === undefined ? {} : { contentType: accept };
}
