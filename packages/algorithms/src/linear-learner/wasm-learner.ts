import { untilStopped } from "./in-blocks.ts";
import { commands, modes } from "./kernels/layout.ts";
import type { Pool } from "./kernels/parameter-block.ts";
import { ParameterBlock } from "./kernels/parameter-block.ts";
import type { Learner, LearnerPlan, LearnerState, ScoreVisitor } from "./learner.ts";
import { meanLosses } from "./learner.ts";
import { nextTurn } from "./plain-learner.ts";
import type { Split } from "./split.ts";
import type { StagedRows } from "./staged-rows.ts";

/** Bytes of scores that an evaluation keeps at a time. */
const SCORE_BYTES = 8 * 1024 * 1024;
/** Time between two looks at the event loop. */
const TURN_MILLIS = 50;

/** Trains on dense rows with the WASM kernels on all threads of a pool. */
export class WasmLearner implements Learner {
  readonly #pool: Pool;
  readonly #plan: LearnerPlan;
  readonly #train: Split;
  readonly #block: ParameterBlock;
  readonly #staged: (split: Split) => StagedRows;
  #out: { readonly address: number; readonly rows: number } | undefined;

  constructor(pool: Pool, plan: LearnerPlan, train: Split, start: LearnerState, staged: (split: Split) => StagedRows) {
    this.#pool = pool;
    this.#plan = plan;
    this.#train = train;
    this.#block = new ParameterBlock(pool, plan, start);
    this.#staged = staged;
  }

  get state(): LearnerState {
    return this.#block.state;
  }

  async trainEpoch(signal: AbortSignal): Promise<Float64Array> {
    const { geometry } = this.#plan;
    this.#block.set({ mode: modes.train, out: 0 });
    let seen = 0;
    let turn = performance.now();
    for await (const { x, y, rows } of untilStopped(this.#staged(this.#train).blocks(), signal)) {
      this.#block.set({ x, y, rows });
      this.#pool.command(commands.run, this.#block.address);
      seen += rows;
      if (performance.now() - turn < TURN_MILLIS) continue;
      await nextTurn();
      turn = performance.now();
    }
    const losses = this.#block.takeLosses();
    if (seen === 0) throw signal.reason;
    return meanLosses(geometry, losses, seen);
  }

  async evaluate(split: Split, visit?: ScoreVisitor): Promise<Float64Array> {
    const { geometry } = this.#plan;
    const { columns, stride } = geometry;
    const out = visit === undefined ? undefined : this.#scoreRoom();
    this.#block.set({ mode: modes.evaluate, out: out?.address ?? 0 });
    for await (const { x, y, first, rows } of this.#staged(split).blocks()) {
      const size = out?.rows ?? rows;
      for (let at = 0; at < rows; at += size) {
        const count = Math.min(size, rows - at);
        this.#block.set({ x: x + at * stride * 4, y: y + at * 4, rows: count });
        this.#pool.command(commands.run, this.#block.address);
        if (out === undefined) continue;
        const labels = this.#pool.floats(y + at * 4, count);
        visit?.(this.#pool.floats(out.address, count * columns), labels, first + at, count);
      }
      await nextTurn();
    }
    return meanLosses(geometry, this.#block.takeLosses(), split.count);
  }

  close(): void {}

  #scoreRoom(): { readonly address: number; readonly rows: number } {
    const rowBytes = this.#plan.geometry.columns * 4;
    const rows = Math.max(64, Math.floor(SCORE_BYTES / rowBytes));
    this.#out ??= { address: this.#pool.allocate(rows * rowBytes), rows };
    return this.#out;
  }
}
