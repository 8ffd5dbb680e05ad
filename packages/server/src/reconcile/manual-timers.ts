import type { Timers } from "./timers.ts";

/** Timers that run when a test moves the time: the fake beside `systemTimers`. */
export class ManualTimers implements Timers {
  time = 0;
  #planned: { at: number; order: number; run: () => void }[] = [];
  #order = 0;

  after(delayMs: number, run: () => void): () => void {
    const entry = { at: this.time + delayMs, order: this.#order++, run };
    this.#planned.push(entry);
    return () => {
      this.#planned = this.#planned.filter((other) => other !== entry);
    };
  }

  /** When each planned call is due, earliest first, counted from now. */
  get delays(): number[] {
    return this.#planned.map(({ at }) => at - this.time).sort((a, b) => a - b);
  }

  /** Moves the time on, running what is due in its order. */
  advance(ms: number): void {
    const until = this.time + ms;
    for (;;) {
      const due = this.#planned.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (!due) break;
      this.#planned = this.#planned.filter((other) => other !== due);
      this.time = due.at;
      due.run();
    }
    this.time = until;
  }
}
