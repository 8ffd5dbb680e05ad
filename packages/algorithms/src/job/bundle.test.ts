import { cpSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { buildFile } from "./build-files.ts";
import { call, MlSandbox } from "./testkit/run-program.ts";

const twoThreads = { SAGEBRUSH_CPUS: "2" };

test("the bundle trains and serves wherever its folder lies, with its kernels and worker threads", async () => {
  using ml = new MlSandbox()
    .write("input/config/hyperparameters.json", { predictor_type: "regressor", epochs: "2", num_models: "1" })
    .write("input/config/inputdataconfig.json", { train: { TrainingInputMode: "File", ContentType: "text/csv" } })
    // Large enough for a second thread to help with reading.
    .write("input/data/train/part.csv", "7,1,2\n3,-1,1\n".repeat(400_000));
  const folder = join(ml.root, "elsewhere");
  cpSync(buildFile("."), folder, { recursive: true });
  const bundle = join(folder, "sagebrush-algorithm.mjs");
  using training = ml.start("train", twoThreads, "linear-learner", bundle);
  expect(await training.ended(), training.output).toBe(0);
  expect(training.output).toMatch(/^Docker entrypoint called with argument\(s\): train\n/);
  using server = ml.start("serve", twoThreads, "linear-learner", bundle);
  await server.printed("ready for requests");
  const answer = await call(ml.socket, "POST", "/invocations", { "Content-Type": "text/csv" }, "1,2\n-1,1\n");
  const { predictions } = JSON.parse(answer.body.toString());
  expect(predictions).toEqual([{ score: expect.closeTo(7, 0) }, { score: expect.closeTo(3, 0) }]);
});
