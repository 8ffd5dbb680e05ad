import type { RandomStream } from "../numerics/random.ts";

/**
 * Deals rows out to folds of like size, for classes each class by itself.
 * @returns The fold of each row.
 */
export function assignFolds(labels: Float32Array, folds: number, isClasses: boolean, random: RandomStream): Int32Array {
  const groups = new Map<number, number[]>();
  for (const [row, label] of labels.entries()) {
    const key = isClasses ? label : 0;
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  const fold = new Int32Array(labels.length);
  let next = 0; // goes on from class to class, so that small classes do not all begin with the same fold
  for (const rows of [...groups].sort(([a], [b]) => a - b).map(([, each]) => each)) {
    shuffle(rows, random);
    for (const row of rows) fold[row] = next++ % folds;
  }
  return fold;
}

function shuffle(rows: number[], random: RandomStream): void {
  for (let i = rows.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    [rows[i], rows[j]] = [rows[j] as number, rows[i] as number];
  }
}
