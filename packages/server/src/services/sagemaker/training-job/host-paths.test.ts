import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../../engines/engine.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import type { ImageSource } from "../../../images/image.ts";
import { Images } from "../../../images/images.ts";
import { silentLog } from "../../../log.ts";
import { type JobServer, startJobServerOn } from "./testkit/job-server.ts";

/** Runs what the caller gives as entry point with the host's own shell. */
const shell: ImageSource = {
  refusal: () => undefined,
  prepare: async ({ start }) => ({
    state: "ready",
    image: {
      root: { kind: "host-tools", binds: [] },
      command: [...(start.entrypoint ?? []), ...(start.arguments ?? [])],
      environment: { PATH: "/usr/bin:/bin" },
      workingDirectory: "/opt/ml",
      notices: [],
    },
  }),
};

let jobs: JobServer<Engine>;
beforeAll(async () => {
  const open = (directory: string) => openEngine({ directory, kind: "process", log: silentLog });
  jobs = await startJobServerOn(open, new Images([shell]));
});
afterAll(() => jobs.close());

const run = (script: string) =>
  jobs.create({
    AlgorithmSpecification: {
      TrainingImage: "mine:1",
      TrainingInputMode: "File",
      ContainerEntrypoint: ["/bin/sh"],
      ContainerArguments: ["-c", script],
    },
  });

test("a job of plain processes that fails over a fixed path below /opt/ml is told that there is none", async () => {
  const job = await jobs.until(await run("cat /opt/ml/input/data/train/a.csv"), "Failed", "Completed");
  expect(job.FailureReason).toMatch(
    /^AlgorithmError: This engine runs plain processes, where \/opt\/ml does not exist: use the SM_\* variables .*or install bubblewrap\. .*\/opt\/ml\/input\/data\/train\/a\.csv.*, exit code: 1$/,
  );
});

test("one that asks where its files are finds them, and its own failures are told as they are", async () => {
  const found = await jobs.until(await run('cat "$SAGEBRUSH_ML_ROOT/input/data/train/a.csv"'), "Failed", "Completed");
  expect(found.TrainingJobStatus).toBe("Completed");
  const own = await jobs.until(await run("echo broken; exit 4"), "Failed", "Completed");
  expect(own.FailureReason).toBe("AlgorithmError: broken, exit code: 4");
});
