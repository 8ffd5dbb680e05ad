import { expect, test } from "vitest";
import { type Constraint, type ConstraintTable, loadTable } from "./constraint-table.ts";
import { compilePattern } from "./java-pattern.ts";
import { validationMessage, violations } from "./violations.ts";

const sagemaker = (await loadTable("sagemaker")) as ConstraintTable;
const job = {
  TrainingJobName: "a-job",
  RoleArn: "arn:aws:iam::111122223333:role/SagebrushExecutionRole",
  AlgorithmSpecification: { TrainingImage: "linear-learner", TrainingInputMode: "File" },
  OutputDataConfig: { S3OutputPath: "s3://bucket/out" },
  ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount: 1, VolumeSizeInGB: 1 },
  StoppingCondition: { MaxRuntimeInSeconds: 60 },
  HyperParameters: { mini_batch_size: "200" },
};
const dataSource = { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://bucket/in" } };
const name = "[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}";
const long = "a".repeat(64);

test.for<[string, object, readonly string[]]>([
  ["nothing wrong", {}, []],
  [
    "a missing member",
    { RoleArn: undefined },
    ["Value null at 'roleArn' failed to satisfy constraint: Member must not be null"],
  ],
  [
    "every violation of one member",
    { TrainingJobName: `${long}_` },
    [
      `Value '${long}_' at 'trainingJobName' failed to satisfy constraint: Member must have length less than or equal to 63`,
      `Value '${long}_' at 'trainingJobName' failed to satisfy constraint: Member must satisfy regular expression pattern: ${name}`,
    ],
  ],
  [
    "a number out of range, with its path",
    { ResourceConfig: { ...job.ResourceConfig, InstanceCount: -1 } },
    [
      "Value '-1' at 'resourceConfig.instanceCount' failed to satisfy constraint: Member must have value greater than or equal to 0",
    ],
  ],
  [
    "a member of an element, counted from one",
    {
      InputDataConfig: [
        { ChannelName: "train", DataSource: dataSource },
        { ChannelName: "a b", DataSource: dataSource },
      ],
    },
    [
      "Value 'a b' at 'inputDataConfig.2.member.channelName' failed to satisfy constraint: Member must satisfy regular expression pattern: [A-Za-z0-9\\.\\-_]+",
    ],
  ],
  [
    "a value of a map",
    { HyperParameters: { a: "x".repeat(2501) } },
    [
      `Value '{a=${"x".repeat(2501)}}' at 'hyperParameters' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 2500, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: .*]`,
    ],
  ],
  [
    "an element of a list of texts",
    { VpcConfig: { SecurityGroupIds: ["sg_1"], Subnets: ["subnet-1"] } },
    [
      "Value '[sg_1]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 32, Member must have length greater than or equal to 0, Member must satisfy regular expression pattern: [-0-9a-zA-Z]+]",
    ],
  ],
  [
    "an unknown value of an enumeration",
    { AlgorithmSpecification: { TrainingInputMode: "Tape" } },
    [
      "Value 'Tape' at 'algorithmSpecification.trainingInputMode' failed to satisfy constraint: Member must satisfy enum value set: [Pipe, File, FastFile]",
    ],
  ],
])("%s", ([, change, expected]) => {
  expect(violations(sagemaker, "CreateTrainingJob", { ...job, ...change })).toEqual(expected);
});

test("an input that is wrong in very many places costs neither their time nor a message of all of them", () => {
  const wrong = Array.from({ length: 300_000 }, () => ({}));
  // More than a list may have: its elements are not looked at.
  expect(violations(sagemaker, "CreateTrainingJob", { ...job, InputDataConfig: wrong })).toEqual([
    expect.stringMatching(
      /^Value '\[\{\}, .{8000,9000}\.\.\.\]' at 'inputDataConfig' failed to satisfy constraint: Member must have length less than or equal to 20$/u,
    ),
  ]);
  // A list without a limit of its own.
  const many = violations(sagemaker, "SearchTrainingPlanOfferings", { InstanceType: "x".repeat(100_000) });
  expect(many.every((sentence) => sentence.length < 20_000)).toBe(true);
  const filters = { FilterExpression: undefined, Conditions: wrong };
  expect(violations(listOfStructures, "Anything", filters)).toHaveLength(100);
});

/** A table with a list without a limit. */
const listOfStructures: ConstraintTable = {
  botocore: "none",
  operations: { Anything: "Input" },
  shapes: {
    Input: { s: { Conditions: "Conditions" } },
    Conditions: { l: "Condition" },
    Condition: { s: { Key: "" }, r: ["Key"] },
  },
};

test("one message holds them all, counted", () => {
  const found = violations(sagemaker, "CreateTrainingJob", { ...job, RoleArn: undefined, TrainingJobName: "_" });
  expect(validationMessage(found)).toMatch(/^2 validation errors detected: Value '_' at .*; Value null at 'roleArn'/);
});

test("every pattern of every table has a JavaScript form", async () => {
  const tables = await Promise.all(
    ["sagemaker", "sagemaker-runtime", "logs", "sts", "iam", "application-autoscaling"].map(loadTable),
  );
  const patterns = tables.flatMap((table) =>
    Object.values<Constraint>((table as ConstraintTable).shapes).flatMap(({ p }) => p ?? []),
  );
  expect(patterns.length).toBeGreaterThan(300);
  expect(patterns.filter((pattern) => compilePattern(pattern) === undefined)).toEqual([]);
});

test.for<[string, string, boolean]>([
  ["[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", "Größe 1", true],
  ["\\A\\S[\\p{Print}]*\\z", "a key", true],
  ["\\A\\S[\\p{Print}]*\\z", "aé", false],
  ["\\p{Print}+", "a name", true],
  ["\\p{Print}+", "aé", false],
  ["([\\p{L}\\p{Z}\\p{N}_.:\\/=+\\-@]*)${1,128}", "tag", true],
  ["arn:[\\p{Alnum}\\-]+:lambda:.*", "arn:aws-cn:lambda:x", true],
  ["[\\w-_]*", "a-b_", true],
  ["[a-z]", "ab", false],
])("Java's %s on %s", ([pattern, text, fits]) => {
  expect(compilePattern(pattern)?.test(text)).toBe(fits);
});
