import { expect, test } from "vitest";
import { builtInEnvironment } from "./built-in-environment.ts";

test("a job's variables reach a built-in algorithm, but for those that steer its runtime or speak for the engine", () => {
  const given = {
    MY_SETTING: "1",
    LANG: "C",
    NODE_OPTIONS: "--require=/opt/ml/input/data/train/x.cjs",
    NODE_PATH: "/opt/ml/input/data",
    LD_PRELOAD: "/opt/ml/input/data/train/x.so",
    UV_THREADPOOL_SIZE: "100000",
    SAGEBRUSH_ML_ROOT: "/etc",
    SAGEBRUSH_LISTEN: "/tmp/elsewhere",
  };
  expect(builtInEnvironment(given)).toEqual({ MY_SETTING: "1", LANG: "C" });
  expect(builtInEnvironment(undefined)).toEqual({});
});
