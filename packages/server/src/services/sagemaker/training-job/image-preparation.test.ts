import { DescribeTrainingJobCommand, StopTrainingJobCommand } from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ImageRequest, ImageSource, Preparation } from "../../../images/image.ts";
import { Images } from "../../../images/images.ts";
import { type JobServer, startJobServerOn } from "./testkit/job-server.ts";
import { ScriptedEngine } from "./testkit/scripted-engine.ts";

/** A registry whose images are ready, under way or gone when the test says so. */
class Registry implements ImageSource {
  readonly states = new Map<string, Preparation>();
  readonly requests: ImageRequest[] = [];

  refusal(image: { readonly kind: string }): string | undefined {
    return image.kind === "container" ? undefined : "it is no container's image";
  }

  async prepare(request: ImageRequest): Promise<Preparation> {
    this.requests.push(request);
    return this.states.get(request.image.uri) ?? { state: "failed", reason: "There is no such image." };
  }
}

const registry = new Registry();
let jobs: JobServer;
beforeAll(async () => {
  jobs = await startJobServerOn(async () => new ScriptedEngine(), new Images([registry]));
});
afterAll(() => jobs.close());

function image(uri: string) {
  return { AlgorithmSpecification: { TrainingImage: uri, TrainingInputMode: "File" as const } };
}

const ready: Preparation = {
  state: "ready",
  image: {
    root: { kind: "files", binds: [] },
    command: ["/usr/bin/train", "it"],
    environment: { OF_THE_IMAGE: "1", TRAINING_JOB_NAME: "another" },
    workingDirectory: "/opt/program",
    notices: ["The image is old."],
  },
};

async function message(name: string): Promise<string[]> {
  const job = await jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
  return (job.SecondaryStatusTransitions ?? []).map(({ StatusMessage }) => StatusMessage as string);
}

test("a job waits in Starting for its image, says how far it is, and then runs it", async () => {
  registry.states.set("mine:1", { state: "preparing", message: "Pulling mine:1: 1 of 3 layers" });
  const name = await jobs.create({
    AlgorithmSpecification: {
      ...image("mine:1").AlgorithmSpecification,
      ContainerEntrypoint: ["/bin/sh"],
      ContainerArguments: ["-c", "x"],
      MetricDefinitions: [{ Name: "loss", Regex: "loss=([0-9.]+)" }],
    },
    Environment: { MINE: "1" },
  });
  await expect.poll(() => message(name)).toEqual(["Starting the training job", "Pulling mine:1: 1 of 3 layers"]);
  registry.states.set("mine:1", { state: "preparing", message: "Pulling mine:1: 2 of 3 layers" });
  // Progress replaces progress.
  await expect.poll(() => message(name)).toEqual(["Starting the training job", "Pulling mine:1: 2 of 3 layers"]);
  expect(jobs.engine.running).toEqual([]);
  registry.states.set("mine:1", ready);
  await expect.poll(() => jobs.engine.running.length).toBe(1);
  const [run] = jobs.engine.running;
  expect(run?.spec).toMatchObject({
    root: { kind: "files", binds: [] },
    command: ["/usr/bin/train", "it"],
    workingDirectory: "/opt/program",
    environment: { OF_THE_IMAGE: "1", TRAINING_JOB_NAME: name },
  });
  expect(registry.requests[0]).toMatchObject({
    image: { kind: "container", uri: "mine:1" },
    account: "111122223333",
    region: "us-west-2",
    start: { verb: "train", entrypoint: ["/bin/sh"], arguments: ["-c", "x"], environment: { MINE: "1" } },
  });
  jobs.engine.exit(run!.id, 0);
  const job = await jobs.until(name, "Completed");
  expect(job.AlgorithmSpecification?.MetricDefinitions).toEqual([{ Name: "loss", Regex: "loss=([0-9.]+)" }]);
});

test("an image that cannot be had fails the job with the reason", async () => {
  const job = await jobs.until(await jobs.create(image("gone:1")), "Failed");
  expect(job.FailureReason).toBe("ClientError: There is no such image.");
});

test("a job can be stopped while its image is being prepared", async () => {
  registry.states.set("slow:1", { state: "preparing", message: "Pulling" });
  const name = await jobs.create(image("slow:1"));
  await expect.poll(() => message(name)).toContain("Pulling");
  await jobs.sagemaker.send(new StopTrainingJobCommand({ TrainingJobName: name }));
  await jobs.until(name, "Stopped");
});
