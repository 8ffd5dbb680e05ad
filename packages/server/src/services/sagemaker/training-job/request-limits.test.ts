import {
  CreateModelCommand,
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeModelCommand,
  DescribeTrainingJobCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type JobServer, roleArn, startJobServer, trainingJob } from "./testkit/job-server.ts";

let jobs: JobServer;
beforeAll(async () => {
  jobs = await startJobServer();
  jobs.engine.algorithm = (run, engine) => engine.exit(run.id, 0);
});
afterAll(() => jobs.close());

const send = (changes: Partial<CreateTrainingJobCommandInput>) =>
  jobs.sagemaker.send(new CreateTrainingJobCommand(trainingJob(changes)));

describe("what is kept comes back as it was given", () => {
  test.for<[string, Partial<CreateTrainingJobCommandInput>]>([
    [
      "VpcConfig with as much as there may be",
      {
        VpcConfig: {
          SecurityGroupIds: Array.from({ length: 5 }, (_, i) => `sg-0123456789abcdef${i}`),
          Subnets: Array.from({ length: 16 }, (_, i) => `subnet-0123456789abcde${i.toString().padStart(2, "0")}`),
        },
      },
    ],
    [
      "ExperimentConfig",
      { ExperimentConfig: { ExperimentName: "e", TrialName: "t", TrialComponentDisplayName: "c", RunName: "r" } },
    ],
    [
      "Environment with as much as there may be",
      {
        Environment: {
          ...Object.fromEntries(Array.from({ length: 99 }, (_, i) => [`VARIABLE_${i}`, ""])),
          ["L".repeat(512)]: `${"é".repeat(255)}\n "$x"`,
        },
      },
    ],
    [
      "VpcConfig beside EnableNetworkIsolation",
      {
        EnableNetworkIsolation: true,
        VpcConfig: { SecurityGroupIds: ["sg-1"], Subnets: ["subnet-1"] },
      },
    ],
  ])("%s", async ([, changes]) => {
    const name = await jobs.create(changes);
    const described = await jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName: name }));
    expect(described).toMatchObject(changes);
    expect((await jobs.until(name, "Completed", "Failed")).TrainingJobStatus).toBe("Completed");
  });
});

const vpc = (changes: object) => ({ VpcConfig: { SecurityGroupIds: ["sg-1"], Subnets: ["subnet-1"], ...changes } });

describe("what cannot be is refused, and leaves nothing", () => {
  test.for<[string, Partial<CreateTrainingJobCommandInput>, RegExp]>([
    [
      "a group of another form",
      vpc({ SecurityGroupIds: ["default"] }),
      /Invalid id: "default" \(expecting "sg-\.\.\."\)/,
    ],
    ["a subnet of another form", vpc({ Subnets: ["subnet-"] }), /Invalid id: "subnet-" \(expecting "subnet-\.\.\."\)/],
    ["a group twice", vpc({ SecurityGroupIds: ["sg-1", "sg-2", "sg-1"] }), /SecurityGroupIds has sg-1 twice/],
    ["a subnet twice", vpc({ Subnets: ["subnet-1", "subnet-1"] }), /Subnets has subnet-1 twice/],
    ["no group", vpc({ SecurityGroupIds: [] }), /vpcConfig\.securityGroupIds.*length greater than or equal to 1/],
    [
      "six groups",
      vpc({ SecurityGroupIds: Array.from({ length: 6 }, (_, i) => `sg-${i}`) }),
      /vpcConfig\.securityGroupIds.*length less than or equal to 5/,
    ],
    [
      "seventeen subnets",
      vpc({ Subnets: Array.from({ length: 17 }, (_, i) => `subnet-${i}`) }),
      /vpcConfig\.subnets.*length less than or equal to 16/,
    ],
    [
      "no subnets at all",
      { VpcConfig: { SecurityGroupIds: ["sg-1"] } as never },
      /vpcConfig\.subnets.*must not be null/,
    ],
    [
      "101 variables",
      { Environment: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`V${i}`, ""])) },
      /environment.*less than or equal to 100/,
    ],
    ["a long variable", { Environment: { A: "x".repeat(513) } }, /environment.*less than or equal to 512/],
    ["a variable with a bad name", { Environment: { "1A": "" } }, /environment.*regular expression pattern/],
    [
      "an experiment with a bad name",
      { ExperimentConfig: { ExperimentName: "-e" } },
      /experimentConfig\.experimentName/,
    ],
  ])("%s", async ([, changes, message]) => {
    const TrainingJobName = "Refused";
    const sent = send({ TrainingJobName, ...changes });
    await expect(sent).rejects.toMatchObject({ name: "ValidationException", message: expect.stringMatching(message) });
    const nothing = jobs.sagemaker.send(new DescribeTrainingJobCommand({ TrainingJobName }));
    await expect(nothing).rejects.toThrow("Requested resource not found.");
  });

  test("a model's network in the same way", async () => {
    const input = { ExecutionRoleArn: roleArn, PrimaryContainer: { Image: "linear-learner:1" } };
    const { VpcConfig } = vpc({});
    await jobs.sagemaker.send(new CreateModelCommand({ ModelName: "In-vpc", ...input, VpcConfig }));
    const kept = await jobs.sagemaker.send(new DescribeModelCommand({ ModelName: "In-vpc" }));
    expect(kept.VpcConfig).toEqual(VpcConfig);
    const bad = { ModelName: "Refused", ...input, ...vpc({ Subnets: ["subnet-1", "subnet-1"] }) };
    await expect(jobs.sagemaker.send(new CreateModelCommand(bad))).rejects.toThrow("subnet-1 twice");
  });
});

describe("names", () => {
  const every = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcdefghijklmnopqrstuvwxyz";

  test.for([every.slice(0, 63), "9", "a--B", `A${"-".repeat(61)}z`])("%s is a name, and runs", async (name) => {
    await jobs.create({ TrainingJobName: name });
    const done = await jobs.until(name, "Completed", "Failed");
    expect(done).toMatchObject({ TrainingJobName: name, TrainingJobStatus: "Completed" });
    expect(done.TrainingJobArn).toBe(`arn:aws:sagemaker:us-west-2:111122223333:training-job/${name.toLowerCase()}`);
    expect(done.ModelArtifacts?.S3ModelArtifacts).toBe(`s3://data/out/${name}/output/model.tar.gz`);
  });

  test.for(["", "-a", "a-", "a_b", "a.b", "a/b", "ä", "a b", every.repeat(2).slice(0, 64)])(
    "%j is none",
    async (name) => {
      await expect(send({ TrainingJobName: name })).rejects.toMatchObject({
        name: "ValidationException",
        message: expect.stringContaining("trainingJobName"),
      });
    },
  );

  test("of two jobs of one name at once one is created, and runs once", async () => {
    const TrainingJobName = "Contested";
    let runs = 0;
    jobs.engine.algorithm = (run, engine) => {
      runs += 1;
      engine.exit(run.id, 0);
    };
    const both = await Promise.allSettled(Array.from({ length: 8 }, () => send({ TrainingJobName })));
    expect(both.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const refused of both.filter((each) => each.status === "rejected")) {
      expect(refused.reason).toMatchObject({ name: "ResourceInUse" });
    }
    await jobs.until(TrainingJobName, "Completed");
    expect(runs).toBe(1);
  });
});
