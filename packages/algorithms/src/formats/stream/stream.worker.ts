import { parentPort, workerData } from "node:worker_threads";
import { CustomerError } from "../../job/errors.ts";
import type { Table } from "../rows.ts";
import { openParser, type ParserPlan } from "./block-parser.ts";
import { BlockWindow } from "./block-window.ts";
import { RowRoom } from "./row-room.ts";

/** What a thread that helps to read a channel is started with. */
export interface StreamWork {
  readonly plan: ParserPlan;
  readonly window: BlockWindow["shared"];
  /** Memory for the rows of each block of the window. */
  readonly slots: readonly SharedArrayBuffer[];
}

/** What it says of each block. */
export type StreamReport =
  | { readonly block: number; readonly table: Table }
  | { readonly block: number; readonly problem: string };

const { plan, window: shared, slots }: StreamWork = workerData;
const window = new BlockWindow(shared);
const parser = openParser(plan);

// The thread that started this one ends it.
for (;;) {
  const block = window.take();
  if (block === undefined) window.waitForMore();
  else parentPort?.postMessage(read(block));
}

function read(block: number): StreamReport {
  try {
    const room = new RowRoom(window.isKeeping ? undefined : slots[block % window.size]);
    return { block, table: parser.parse(window.place(block), room) };
  } catch (error) {
    if (error instanceof CustomerError) return { block, problem: error.message };
    throw error;
  }
}
