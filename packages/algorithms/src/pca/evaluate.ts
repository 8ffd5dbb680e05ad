import { checkFinite } from "../formats/check-finite.ts";
import type { Channel } from "../job/channels.ts";
import type { PcaModel } from "./artifact.ts";
import { type Job, streamOptions } from "./job.ts";
import { openProjection } from "./projection.ts";

/** Scores a model on the test channel, if there is one: how much of the rows' sum of squares their projections have. */
export async function evaluate({ channels, log, signal }: Job, model: PcaModel): Promise<void> {
  const test: Channel | undefined = channels.get("test");
  if (test === undefined || signal.aborted) return;
  const projection = await openProjection(model, 1);
  let total = 0;
  let explained = 0;
  for await (const { features, firstRow } of test.stream(streamOptions(test, model.width, true))) {
    let squares = 0;
    const projected = projection.project(features, (ofSlice) => {
      squares += ofSlice;
    });
    if (!Number.isFinite(squares)) checkFinite(features, test.name, firstRow);
    total += squares;
    for (const value of projected) explained += value * value;
  }
  await projection.close();
  const value = total > 0 ? Math.min(1, explained / total) : 1;
  log.qualityMetric({ split: "test", name: "explained_variance_ratio", kind: "score", value });
}
