/**
 * Threads of a pooled kernel: a barrier, and commands that one thread gives to all. kernel-pool.ts is the other side.
 * The control block of 256 bytes begins zeroed.
 */

export const K_COUNT: usize = 0;
export const K_PHASE: usize = 4;
export const K_WAITERS: usize = 8;
export const K_COMMAND: usize = 12;
export const K_KIND: usize = 16;
export const K_ARGUMENT: usize = 20;
export const K_DONE: usize = 24;
/** Where sleepers are counted, per thing that is waited for: nobody is woken when nobody sleeps. */
const K_IDLE: usize = 64;
const K_CALLER: usize = 128;

/** Looks at a value before a thread goes to sleep on it: some 20 microseconds, longer than most waits of a loop. */
const SPINS: i32 = 20000;

function waitWhile(address: usize, value: i32, waiters: usize): void {
  for (let i = 0; i < SPINS; i++) if (atomic.load<i32>(address) != value) return;
  atomic.add<i32>(waiters, 1);
  while (atomic.load<i32>(address) == value) atomic.wait<i32>(address, value, -1);
  atomic.sub<i32>(waiters, 1);
}

/** Waits for all threads. Spins a little, then sleeps, so that a machine with fewer free cores still makes progress. */
export function barrier(control: usize, threads: i32): void {
  if (threads == 1) return;
  const phase = atomic.load<i32>(control + K_PHASE);
  if (atomic.add<i32>(control + K_COUNT, 1) == threads - 1) {
    atomic.store<i32>(control + K_COUNT, 0);
    atomic.add<i32>(control + K_PHASE, 1);
    if (atomic.load<i32>(control + K_WAITERS) > 0) atomic.notify(control + K_PHASE, threads);
  } else waitWhile(control + K_PHASE, phase, control + K_WAITERS);
}

/** Runs one command on one thread: control block, command, its argument, thread, threads. */
export type Dispatch = (control: usize, kind: i32, argument: usize, thread: i32, threads: i32) => void;

/** A worker's whole life: waits for a command number above `seen`, runs it, reports; kind 0 ends it. */
export function serveCommands(control: usize, thread: i32, threads: i32, seen: i32, dispatch: Dispatch): void {
  for (;;) {
    waitWhile(control + K_COMMAND, seen, control + K_IDLE);
    seen = atomic.load<i32>(control + K_COMMAND);
    const kind = atomic.load<i32>(control + K_KIND);
    if (kind == 0) return;
    dispatch(control, kind, <usize>atomic.load<i32>(control + K_ARGUMENT), thread, threads);
    atomic.add<i32>(control + K_DONE, 1);
    if (atomic.load<i32>(control + K_CALLER) > 0) atomic.notify(control + K_DONE, 1);
  }
}

/** Runs one command on every thread and returns when all are done. Called by thread 0. */
export function giveCommand(control: usize, kind: i32, argument: usize, threads: i32, dispatch: Dispatch): void {
  if (threads == 1) {
    if (kind != 0) dispatch(control, kind, argument, 0, 1);
    return;
  }
  atomic.store<i32>(control + K_DONE, 0);
  atomic.store<i32>(control + K_KIND, kind);
  atomic.store<i32>(control + K_ARGUMENT, <i32>argument);
  atomic.add<i32>(control + K_COMMAND, 1);
  if (atomic.load<i32>(control + K_IDLE) > 0) atomic.notify(control + K_COMMAND, threads);
  if (kind == 0) return;
  dispatch(control, kind, argument, 0, threads);
  for (;;) {
    const done = atomic.load<i32>(control + K_DONE);
    if (done == threads - 1) return;
    waitWhile(control + K_DONE, done, control + K_CALLER);
  }
}
