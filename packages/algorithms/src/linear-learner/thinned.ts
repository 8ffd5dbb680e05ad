import { type Piece, type Split, splitOf } from "./split.ts";
import { pickRows } from "./take-rows.ts";

/** About `wanted` rows at even distances, all of them when there are no more; picked in every pass where rows are streamed. */
export function thinned(split: Split, wanted: number): Split {
  const { kind, count, width } = split;
  if (count <= wanted) return split;
  const pickAt = (i: number) => Math.floor((i * count) / wanted);
  if (split.inMemory !== undefined) {
    const picks = new Float64Array(wanted);
    for (let i = 0; i < wanted; i++) picks[i] = pickAt(i);
    return splitOf(pickPiece(split.inMemory, picks), kind);
  }
  return {
    ...{ kind, width, count: wanted, inMemory: undefined },
    entries: Math.ceil((split.entries * wanted) / count),
    async *pieces() {
      let first = 0;
      let next = 0;
      for await (const piece of split.pieces()) {
        const end = first + piece.features.count;
        const picks: number[] = [];
        for (; next < wanted && pickAt(next) < end; next++) picks.push(pickAt(next) - first);
        first = end;
        if (picks.length > 0) yield pickPiece(piece, Float64Array.from(picks));
      }
    },
  };
}

function pickPiece({ features, labels }: Piece, picks: Float64Array): Piece {
  const own = new Float32Array(picks.length);
  for (let i = 0; i < picks.length; i++) own[i] = labels[picks[i] as number] as number;
  return { features: pickRows(features, picks), labels: own };
}
