import { systemTimers, type Timers } from "../../../reconcile/timers.ts";
import type { RecordKey } from "../../../store/store.ts";
import { type DeliveryWorld, deliver } from "./deliver.ts";
import { type DeliveryValue, subscriptionOfDelivery } from "./delivery-record.ts";

/** Requests to subscribers at once, and those of them that go to one subscriber. */
const mostAtOnce = 32;
const mostToOne = 8;
/** After the store or the disk has failed. */
const troubleMs = 5_000;

/** What goes to one subscriber, in the order in which it was published as far as it is tried at all. */
interface Lane {
  readonly waiting: RecordKey[];
  active: number;
}

/**
 * Takes messages to subscribers: each has a lane of its own, so that one that is slow or dead keeps no other waiting. All
 * state is the records; this holds one entry for each of them.
 */
export class Deliveries {
  readonly #world: DeliveryWorld;
  readonly #timers: Timers;
  readonly #known = new Set<string>();
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that have something to send and room to send it, taking turns. */
  readonly #ready = new Set<string>();
  readonly #planned = new Set<() => void>();
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  #active = 0;
  #unwatch: (() => void) | undefined;

  constructor(world: DeliveryWorld, timers: Timers = systemTimers) {
    this.#world = world;
    this.#timers = timers;
  }

  /** Takes up what is left from before, and follows what is published from now on. */
  async open(): Promise<void> {
    const { store } = this.#world;
    this.#unwatch = store.watch(["sns-delivery"], (key) => this.#add(key));
    let token: string | undefined;
    do {
      const page = await store.list<DeliveryValue>({ kind: "sns-delivery", limit: 1_000, ...(token && { token }) });
      for (const record of page.records) this.#add(record);
      token = page.next;
    } while (token !== undefined);
  }

  /** Breaks off what is under way: it is sent again after the next start. */
  async close(): Promise<void> {
    this.#unwatch?.();
    this.#closing.abort();
    for (const cancel of this.#planned) cancel();
    this.#planned.clear();
    await Promise.all(this.#running);
  }

  #add({ account, region, kind, name }: RecordKey): void {
    const key = { account, region, kind, name };
    const id = idOf(key);
    if (this.#known.has(id)) return;
    this.#known.add(id);
    this.#enqueue(key);
  }

  #enqueue(key: RecordKey): void {
    const laneId = idOf(subscriptionOfDelivery(key));
    let lane = this.#lanes.get(laneId);
    if (lane === undefined) this.#lanes.set(laneId, (lane = { waiting: [], active: 0 }));
    lane.waiting.push(key);
    if (lane.active < mostToOne) this.#ready.add(laneId);
    this.#pump();
  }

  #pump(): void {
    while (this.#active < mostAtOnce && !this.#closing.signal.aborted) {
      const [laneId] = this.#ready;
      if (laneId === undefined) return;
      this.#ready.delete(laneId);
      const lane = this.#lanes.get(laneId) as Lane;
      const key = lane.waiting.shift() as RecordKey;
      lane.active += 1;
      this.#active += 1;
      // To the end of the line: the next one is another lane's.
      if (lane.waiting.length > 0 && lane.active < mostToOne) this.#ready.add(laneId);
      const running = this.#run(key).finally(() => {
        this.#running.delete(running);
        this.#active -= 1;
        lane.active -= 1;
        if (lane.waiting.length > 0) this.#ready.add(laneId);
        else if (lane.active === 0) this.#lanes.delete(laneId);
        this.#pump();
      });
      this.#running.add(running);
    }
  }

  /** Never rejects. */
  async #run(key: RecordKey): Promise<void> {
    const { store, clock, log } = this.#world;
    let again: number | undefined;
    try {
      const record = await store.get<DeliveryValue>(key);
      if (record !== undefined) {
        const { notBefore } = record.value;
        again = notBefore > clock.now() ? notBefore : await deliver(this.#world, record, this.#closing.signal);
      }
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      log.error("a delivery failed and will be tried again", { delivery: key.name, error });
      again = clock.now() + troubleMs;
    }
    if (again === undefined) this.#known.delete(idOf(key));
    else this.#later(key, again - clock.now());
  }

  #later(key: RecordKey, delayMs: number): void {
    if (this.#closing.signal.aborted) return;
    const cancel = this.#timers.after(Math.max(0, delayMs), () => {
      this.#planned.delete(cancel);
      this.#enqueue(key);
    });
    this.#planned.add(cancel);
  }
}

function idOf({ account, region, name }: RecordKey): string {
  return `${account}/${region}/${name}`;
}
