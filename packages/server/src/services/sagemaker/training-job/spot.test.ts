import { DescribeTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultSpotPolicy } from "../../../spot-policy.ts";
import { interruptTrainingJob } from "./interrupt.ts";
import { bytes, type JobServer, startJobServer } from "./testkit/job-server.ts";
import { logLines } from "./testkit/scripted-engine.ts";

let jobs: JobServer;
beforeAll(async () => {
  jobs = await startJobServer();
});
afterAll(() => jobs.close());

const spot = {
  EnableManagedSpotTraining: true,
  StoppingCondition: { MaxRuntimeInSeconds: 3600, MaxWaitTimeInSeconds: 7200 },
};
const at = (name: string) => ({ account: "111122223333", region: "us-west-2", name });

/** Waits until the job trains with one run more than before. */
async function training(name: string): Promise<void> {
  const describe = () => jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  while ((await describe()).SecondaryStatus !== "Training") await new Promise((resolve) => setTimeout(resolve, 5));
}

test("an interrupted job goes back to Starting, and completes with checkpoints that it got back", async () => {
  const name = await jobs.create({ ...spot, CheckpointConfig: { S3Uri: "s3://data/checkpoints/a" } });
  await jobs.server.platform.objects.put("data", "checkpoints/a/epoch-1", bytes("1"));
  await training(name);
  await interruptTrainingJob(jobs.server.platform, at(name));
  await expect.poll(() => jobs.engine.running.map(({ id }) => id.endsWith("-2-1"))).toEqual([true]);
  await training(name);
  const [run] = jobs.engine.running;
  await logLines(run!, "resumed");
  jobs.engine.exit(run!.id, 0);
  const job = await jobs.until(name, "Completed", "Failed");
  expect(job.TrainingJobStatus).toBe("Completed");
  expect(job.SecondaryStatusTransitions?.map(({ Status }) => Status)).toEqual([
    ...["Starting", "Downloading", "Training", "Interrupted", "Starting", "Downloading", "Training"],
    ...["Uploading", "Completed"],
  ]);
  expect(job.BillableTimeInSeconds).toBe(
    Math.max(1, Math.round((job.TrainingTimeInSeconds ?? 0) * (1 - defaultSpotPolicy.discount))),
  );
});

test("only a spot job that trains can be interrupted", async () => {
  const onDemand = await jobs.create();
  await training(onDemand);
  await expect(interruptTrainingJob(jobs.server.platform, at(onDemand))).rejects.toThrow(
    `${onDemand} is not a spot job: it was created without EnableManagedSpotTraining.`,
  );
  const ended = await jobs.create(spot);
  await training(ended);
  for (const { id } of jobs.engine.running) jobs.engine.exit(id, 0);
  await jobs.until(ended, "Completed");
  await expect(interruptTrainingJob(jobs.server.platform, at(ended))).rejects.toThrow("it is Completed");
  await expect(interruptTrainingJob(jobs.server.platform, at("nothing"))).rejects.toThrow("There is no training job");
});
