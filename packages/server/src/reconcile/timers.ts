/** Calls back later; a part of the world that tests replace, as they do `Clock`. */
export interface Timers {
  /** Calls `run` once after `delayMs`. @returns Cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

/** The machine's timers. They do not keep the process alive: only a listening server does. */
export const systemTimers: Timers = {
  after(delayMs, run) {
    // A longer delay than this overflows and would fire at once.
    const timer = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
