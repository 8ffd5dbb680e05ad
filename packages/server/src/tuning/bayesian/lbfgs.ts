/** A value and its gradient at a place. */
export interface Evaluation {
  readonly value: number;
  readonly gradient: Float64Array;
}

/** Pairs of steps that the curvature is estimated from. */
const memory = 8;

/**
 * Finds a low place of a smooth function by L-BFGS with backtracking (Nocedal and Wright 2006, algorithms 7.4 and 3.1).
 * @param evaluate - `undefined` where the function has no value; such places are not gone to.
 */
export function minimise(
  evaluate: (x: Float64Array) => Evaluation | undefined,
  start: Float64Array,
  { iterations, tolerance = 1e-5 }: { readonly iterations: number; readonly tolerance?: number },
): { readonly x: Float64Array; readonly value: number } | undefined {
  let x = start;
  let here = evaluate(x);
  if (!here) return undefined;
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let iteration = 0; iteration < iterations; iteration++) {
    const direction = descent(here.gradient, pairs);
    const slope = dot(direction, here.gradient);
    if (!(slope < -tolerance * tolerance)) break;
    // The first step is along the gradient, whose length says nothing about how far to go.
    let length = pairs.length === 0 ? Math.min(1, 1 / Math.sqrt(dot(direction, direction))) : 1;
    let next: Evaluation | undefined;
    let to = x;
    for (let tries = 0; tries < 20; tries++, length /= 2) {
      to = x.map((value, index) => value + length * (direction[index] as number));
      next = evaluate(to);
      if (next && next.value <= here.value + 1e-4 * length * slope) break;
      next = undefined;
    }
    if (!next) break;
    const s = to.map((value, index) => value - (x[index] as number));
    const y = next.gradient.map((value, index) => value - ((here as Evaluation).gradient[index] as number));
    const curvature = dot(s, y);
    if (curvature > 1e-12) pairs.push({ s, y, rho: 1 / curvature });
    if (pairs.length > memory) pairs.shift();
    const gained = here.value - next.value;
    x = to;
    here = next;
    if (gained < tolerance * Math.max(1, Math.abs(here.value))) break;
  }
  return { x, value: here.value };
}

/** The two-loop recursion. */
function descent(gradient: Float64Array, pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[]) {
  const q = gradient.map((value) => -value);
  const weights: number[] = [];
  for (const { s, y, rho } of pairs.toReversed()) {
    const weight = rho * dot(s, q);
    weights.push(weight);
    add(q, y, -weight);
  }
  const last = pairs.at(-1);
  if (last) {
    const scale = 1 / (last.rho * dot(last.y, last.y));
    for (let index = 0; index < q.length; index++) q[index] = (q[index] as number) * scale;
  }
  for (const { s, y, rho } of pairs) add(q, s, (weights.pop() as number) - rho * dot(y, q));
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += (a[index] as number) * (b[index] as number);
  return sum;
}

function add(to: Float64Array, what: Float64Array, times: number): void {
  for (let index = 0; index < to.length; index++) {
    to[index] = (to[index] as number) + times * (what[index] as number);
  }
}
