import { describe, expect, test } from "vitest";
import { EntityTable } from "./entity-table.ts";

const staged = (rows: number, stride: number) => ({
  table: new Float32Array(rows * 3 * stride),
  entityOf: new Int32Array(rows),
  groups: new Int32Array(rows + 1),
  groupRows: new Int32Array(rows),
});

describe("a mini-batch's entities", () => {
  test("are each once, with their rows", () => {
    const table = new EntityTable(250_000_000, 8);
    const batch = staged(6, 8);
    expect(table.stage(Uint32Array.of(7, 249_999_999, 7, 0, 249_999_999, 7), batch)).toBe(3);
    expect([...batch.entityOf]).toEqual([1, 2, 1, 0, 2, 1]);
    expect([...batch.groups.subarray(0, 4)]).toEqual([0, 1, 4, 6]);
    expect([...batch.groupRows]).toEqual([3, 0, 2, 5, 1, 4]);
  });

  test("keep what they learned, and are known to have been seen", () => {
    const table = new EntityTable(1000, 8);
    const batch = staged(4, 8);
    table.stage(Uint32Array.of(5, 900, 5, 5), batch);
    batch.table.fill(2, 24, 48);
    table.settle(batch);
    expect([...table.row(900)]).toEqual(Array.from({ length: 24 }, () => 2));
    expect([...table.row(5)]).toEqual(Array.from({ length: 24 }, () => 0));
    expect([...table.seen()]).toEqual([5, 900]);
    table.stage(Uint32Array.of(900), batch);
    expect(batch.table[0]).toBe(2);
  });
});
