import {
  address,
  BUCKET,
  integer,
  ownerOf,
  P_BUCKETS,
  P_COLUMNS,
  P_COUNTS,
  P_OFFSETS,
  P_VALUES,
  pitchOf,
} from "./parameters.as";

/**
 * Sorts the entries of a thread's rows by the thread that their feature belongs to, each in the order of rows. A bucket's
 * place follows from the sizes of those before it, which `counts` keeps: a line for each thread that reads rows.
 */
export function fillBuckets(p: usize, first: i32, end: i32, thread: i32, threads: i32): void {
  const offsets = address(p, P_OFFSETS);
  const columns = address(p, P_COLUMNS);
  const values = address(p, P_VALUES);
  const own = address(p, P_COUNTS) + <usize>thread * pitchOf(threads);
  const from = <usize>load<u32>(offsets + (<usize>first << 2));
  const to = <usize>load<u32>(offsets + (<usize>end << 2));
  memory.fill(own, 0, <usize>threads << 2);
  for (let e = from; e < to; e++) {
    const count = own + (<usize>ownerOf(load<u32>(columns + (e << 2)), threads) << 2);
    store<u32>(count, load<u32>(count) + 1);
  }
  // Sizes become places to write at, and sizes again when all is written.
  let place = <u32>from;
  for (let o: usize = 0; o < <usize>threads; o++) {
    const size = load<u32>(own + (o << 2));
    store<u32>(own + (o << 2), place);
    place += size;
  }
  const buckets = address(p, P_BUCKETS);
  for (let i = first; i < end; i++) {
    const rowEnd = <usize>load<u32>(offsets + (<usize>i << 2), 4);
    for (let e = <usize>load<u32>(offsets + (<usize>i << 2)); e < rowEnd; e++) {
      const column = load<u32>(columns + (e << 2));
      const cursor = own + (<usize>ownerOf(column, threads) << 2);
      const at = load<u32>(cursor);
      store<u32>(cursor, at + 1);
      const entry = buckets + <usize>at * BUCKET;
      store<u32>(entry, column);
      store<i32>(entry, i, 4);
      store<f32>(entry, load<f32>(values + (e << 2)), 8);
    }
  }
  let before = <u32>from;
  for (let o: usize = 0; o < <usize>threads; o++) {
    const after = load<u32>(own + (o << 2));
    store<u32>(own + (o << 2), after - before);
    before = after;
  }
}

/** Entries of all rows whose feature belongs to a thread. */
export function ownedEntries(p: usize, thread: i32, threads: i32): u32 {
  const counts = address(p, P_COUNTS);
  let sum: u32 = 0;
  for (let r = 0; r < threads; r++) sum += load<u32>(counts + <usize>r * pitchOf(threads) + (<usize>thread << 2));
  return sum;
}
