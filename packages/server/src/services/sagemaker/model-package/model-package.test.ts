import {
  CreateAlgorithmCommand,
  type CreateAlgorithmCommandInput,
  CreateModelCommand,
  CreateModelPackageCommand,
  type CreateModelPackageCommandInput,
  DeleteAlgorithmCommand,
  DeleteModelPackageCommand,
  DescribeModelCommand,
  DescribeModelPackageCommand,
  ListModelPackagesCommand,
  ListTagsCommand,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bytes, type JobServer, roleArn, startJobServer } from "../training-job/testkit/job-server.ts";

let jobs: JobServer;
beforeAll(async () => {
  jobs = await startJobServer();
  await jobs.server.platform.objects.put("data", "model.tar.gz", bytes("a model"));
  await algorithm("Linear", { InferenceSpecification: inference });
  await algorithm("Mute", {});
});
afterAll(() => jobs.close());

const types = {
  SupportedRealtimeInferenceInstanceTypes: ["ml.m5.large" as const],
  SupportedTransformInstanceTypes: ["ml.m5.large" as const],
};
const inference = {
  Containers: [
    { Image: "linear-learner:1", ModelDataUrl: "s3://elsewhere/old", Environment: { MODE: "fast", KEPT: "1" } },
  ],
  SupportedContentTypes: ["text/csv"],
  SupportedResponseMIMETypes: ["application/json"],
  ...types,
};
const modelUrl = "s3://data/model.tar.gz";
const arnOf = (name: string) => `arn:aws:sagemaker:us-west-2:111122223333:${name}`;

function algorithm(AlgorithmName: string, changes: Partial<CreateAlgorithmCommandInput>) {
  const TrainingSpecification: CreateAlgorithmCommandInput["TrainingSpecification"] = {
    TrainingImage: "linear-learner:1",
    SupportedTrainingInstanceTypes: ["ml.m5.large"],
    TrainingChannels: [{ Name: "train", SupportedInputModes: ["File"], SupportedContentTypes: ["text/csv"] }],
  };
  return jobs.sagemaker.send(new CreateAlgorithmCommand({ AlgorithmName, TrainingSpecification, ...changes }));
}

const trainedWith = (AlgorithmName: string, ModelDataUrl = modelUrl) => ({
  SourceAlgorithmSpecification: { SourceAlgorithms: [{ AlgorithmName, ModelDataUrl }] },
});

test("a package of an algorithm serves the given model in the algorithm's container, and is described, listed and deleted", async () => {
  const source = trainedWith(arnOf("algorithm/linear"));
  const given = { ModelPackageName: "Trained", ModelPackageDescription: "of Linear", ...source };
  const { ModelPackageArn } = await jobs.sagemaker.send(
    new CreateModelPackageCommand({ ...given, Tags: [{ Key: "a", Value: "b" }] }),
  );
  expect(ModelPackageArn).toBe(arnOf("model-package/trained"));
  const wanted = {
    ...given,
    ModelPackageArn,
    ModelPackageStatus: "Completed",
    ModelPackageStatusDetails: { ValidationStatuses: [] },
    InferenceSpecification: {
      ...inference,
      Containers: [{ Image: "linear-learner:1", ModelDataUrl: modelUrl, Environment: { MODE: "fast", KEPT: "1" } }],
    },
  };
  for (const ModelPackageName of ["Trained", ModelPackageArn]) {
    expect(await jobs.sagemaker.send(new DescribeModelPackageCommand({ ModelPackageName }))).toMatchObject(wanted);
  }
  const { Tags } = await jobs.sagemaker.send(new ListTagsCommand({ ResourceArn: ModelPackageArn }));
  expect(Tags).toEqual([{ Key: "a", Value: "b" }]);
  const list = (input: object) =>
    jobs.sagemaker.send(new ListModelPackagesCommand({ NameContains: "Train", ...input }));
  expect((await list({})).ModelPackageSummaryList).toMatchObject([
    { ModelPackageName: "Trained", ModelPackageDescription: "of Linear", ModelPackageStatus: "Completed" },
  ]);
  expect((await list({ ModelPackageType: "Versioned" })).ModelPackageSummaryList).toEqual([]);
  const again = jobs.sagemaker.send(new CreateModelPackageCommand(given));
  await expect(again).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining("ModelPackage already exists"),
  });
  await jobs.sagemaker.send(new DeleteModelPackageCommand({ ModelPackageName: ModelPackageArn }));
  const gone = jobs.sagemaker.send(new DescribeModelPackageCommand({ ModelPackageName: "Trained" }));
  await expect(gone).rejects.toThrow("does not exist");
});

test("a model of a package outlives it, with variables over the package's", async () => {
  await algorithm("Passing", { InferenceSpecification: inference });
  const package1 = { ModelPackageName: "Short-lived", ...trainedWith("Passing") };
  await jobs.sagemaker.send(new CreateModelPackageCommand(package1));
  const PrimaryContainer = { ModelPackageName: arnOf("model-package/short-lived"), Environment: { MODE: "slow" } };
  await jobs.sagemaker.send(
    new CreateModelCommand({ ModelName: "Of-package", ExecutionRoleArn: roleArn, PrimaryContainer }),
  );
  await jobs.sagemaker.send(new DeleteModelPackageCommand({ ModelPackageName: "Short-lived" }));
  await jobs.sagemaker.send(new DeleteAlgorithmCommand({ AlgorithmName: "Passing" }));
  const described = await jobs.sagemaker.send(new DescribeModelCommand({ ModelName: "Of-package" }));
  expect(described.PrimaryContainer).toEqual(PrimaryContainer);
  const key = { account: "111122223333", region: "us-west-2", kind: "model", name: "Of-package" };
  expect((await jobs.server.platform.store.get(key))?.value).toMatchObject({
    containers: [{ Image: "linear-learner:1", ModelDataUrl: modelUrl, Environment: { MODE: "slow", KEPT: "1" } }],
  });
});

test.for<[string, Partial<CreateModelPackageCommandInput>, string]>([
  [
    "neither a name nor a group",
    { ModelPackageName: undefined, ...trainedWith("Linear") },
    "either ModelPackageName or",
  ],
  ["a group", { ModelPackageName: undefined, ModelPackageGroupName: "g" }, "ModelPackageGroupName"],
  ["neither containers nor an algorithm", {}, "either InferenceSpecification or SourceAlgorithmSpecification"],
  ["both", { InferenceSpecification: inference, ...trainedWith("Linear") }, "either InferenceSpecification or"],
  ["an algorithm that is not there", trainedWith("None"), "algorithm/none does not exist"],
  ["an algorithm that serves nothing", trainedWith("Mute"), "algorithm/mute has no InferenceSpecification"],
  ["a model that is not there", trainedWith("Linear", "s3://data/none"), "Could not find model data at s3://data/none"],
  [
    "an image that cannot be run",
    { InferenceSpecification: { ...inference, Containers: [{ Image: "https://UPPER" }] } },
    "UPPER",
  ],
  [
    "no instance types",
    { InferenceSpecification: { Containers: [{ Image: "linear-learner:1" }] } },
    "SupportedRealtimeInferenceInstanceTypes is required",
  ],
  ["what is not built", { ...trainedWith("Linear"), SourceUri: "arn:aws:sagemaker:x" }, "SourceUri is not supported"],
])("a package with %s is refused", async ([, changes, message]) => {
  const input = { ModelPackageName: "Refused", ...changes } as CreateModelPackageCommandInput;
  const sent = jobs.sagemaker.send(new CreateModelPackageCommand(input));
  await expect(sent).rejects.toMatchObject({ name: "ValidationException", message: expect.stringContaining(message) });
  const nothing = jobs.sagemaker.send(new DescribeModelPackageCommand({ ModelPackageName: "Refused" }));
  await expect(nothing).rejects.toThrow("does not exist");
});

test.for<[string, object, string]>([
  ["a package that is not there", { ModelPackageName: "none" }, "model-package/none does not exist"],
  [
    "a package of another account",
    { ModelPackageName: "arn:aws:sagemaker:us-west-2:999999999999:model-package/a" },
    "does not exist",
  ],
  [
    "an image besides",
    { ModelPackageName: "a", Image: "linear-learner:1" },
    "Image cannot be given with ModelPackageName",
  ],
])("a model of %s is refused", async ([, PrimaryContainer, message]) => {
  const input = { ModelName: "Refused", ExecutionRoleArn: roleArn, PrimaryContainer };
  await expect(jobs.sagemaker.send(new CreateModelCommand(input))).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining(message),
  });
});
