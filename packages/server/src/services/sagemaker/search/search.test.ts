import {
  AddTagsCommand,
  GetSearchSuggestionsCommand,
  SearchCommand,
  type SearchCommandInput,
  type SearchExpression,
} from "@aws-sdk/client-sagemaker";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type JobServer, startJobServer, trainingJob } from "../training-job/testkit/job-server.ts";
import { logLines } from "../training-job/testkit/scripted-engine.ts";

let jobs: JobServer;
/** Rising in time: a, b, c. */
const names = ["Job-a", "Job-b", "Other-c"];
beforeAll(async () => {
  jobs = await startJobServer();
  for (const [index, TrainingJobName] of names.entries()) {
    jobs.engine.algorithm = async (run, engine) => {
      await logLines(run, `#quality_metric: host=algo-1, epoch=0, train mse_objective <loss>=${index}.5`);
      engine.exit(run.id, index === 1 ? 1 : 0);
    };
    await jobs.create({
      TrainingJobName,
      HyperParameters: { predictor_type: "regressor", mini_batch_size: String(9 + index), "a.b": "dotted" },
      ResourceConfig: {
        InstanceType: index === 2 ? "ml.m5.xlarge" : "ml.m5.large",
        InstanceCount: 1,
        VolumeSizeInGB: 10 + index,
      },
      InputDataConfig: [
        ...(trainingJob().InputDataConfig ?? []),
        {
          ChannelName: "test",
          ...(index === 1 && { ContentType: "text/csv" }),
          DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/train/a" } },
        },
      ],
      Tags: [{ Key: "team.name", Value: index === 0 ? "red" : "blue" }],
    });
    await jobs.until(TrainingJobName, "Completed", "Failed");
  }
});
afterAll(() => jobs.close());

const send = (input: Partial<SearchCommandInput>) =>
  jobs.sagemaker.send(
    new SearchCommand({ Resource: "TrainingJob", SortBy: "CreationTime", SortOrder: "Ascending", ...input }),
  );
const find = async (expression: SearchExpression) => {
  const { Results } = await send({ SearchExpression: expression });
  return Results?.map(({ TrainingJob }) => TrainingJob?.TrainingJobName?.at(-1)).join("");
};

describe("conditions", () => {
  const filter = (Name: string, Operator: string | undefined, Value?: string) =>
    ({ Filters: [{ Name, Operator, Value }] }) as SearchExpression;

  test.for<[string, SearchExpression, string]>([
    ["a status", filter("TrainingJobStatus", "Equals", "Completed"), "ac"],
    ["equality by default", filter("TrainingJobStatus", undefined, "Failed"), "b"],
    ["another status", filter("TrainingJobStatus", "NotEquals", "Completed"), "b"],
    ["part of a name", filter("TrainingJobName", "Contains", "Job-"), "ab"],
    ["one of several", filter("ResourceConfig.InstanceType", "In", "ml.m5.xlarge, ml.p3.2xlarge"), "c"],
    ["a number written as a text", filter("HyperParameters.mini_batch_size", "GreaterThan", "9"), "bc"],
    ["a number", filter("ResourceConfig.VolumeSizeInGB", "LessThanOrEqualTo", "11.0"), "ab"],
    ["a hyperparameter with a dot", filter("HyperParameters.a.b", "Equals", "dotted"), "abc"],
    ["a metric", filter("Metrics.train:objective_loss", "GreaterThanOrEqualTo", "1.5"), "bc"],
    ["a tag", filter("Tags.team.name", "Equals", "blue"), "bc"],
    ["a property that is there", filter("FailureReason", "Exists"), "b"],
    ["a property that is not there", filter("FailureReason", "NotExists"), "ac"],
    ["a structure that is there", filter("ResourceConfig", "Exists"), "abc"],
    ["a missing property equals nothing", filter("VpcConfig.Subnets", "Equals", "x"), ""],
    ["a missing property is not equal", filter("HyperParameters.none", "NotEquals", "x"), "abc"],
    ["a time", filter("CreationTime", "GreaterThan", "2020-01-01T00:00:00"), "abc"],
    ["a time to come", filter("CreationTime", "GreaterThan", "2120-01-01T00:00:00Z"), ""],
    ["any element of a list", filter("InputDataConfig.ChannelName", "Equals", "test"), "abc"],
    ["a flag", filter("EnableManagedSpotTraining", "Equals", "false"), "abc"],
    [
      "all filters",
      {
        Filters: [
          ...(filter("TrainingJobName", "Contains", "-").Filters ?? []),
          { Name: "Tags.team.name", Value: "red" },
        ],
      },
      "a",
    ],
    [
      "any filter",
      {
        Operator: "Or",
        Filters: [
          { Name: "TrainingJobStatus", Value: "Failed" },
          { Name: "Tags.team.name", Value: "red" },
        ],
      },
      "ab",
    ],
    [
      "one element that meets all nested filters",
      {
        NestedFilters: [
          {
            NestedPropertyName: "InputDataConfig",
            Filters: [
              { Name: "InputDataConfig.ChannelName", Operator: "Equals", Value: "test" },
              { Name: "InputDataConfig.ContentType", Operator: "Exists" },
            ],
          },
        ],
      },
      "b",
    ],
    [
      "sub-expressions",
      {
        Operator: "Or",
        SubExpressions: [
          filter("TrainingJobName", "Equals", "Job-a"),
          {
            Filters: [{ Name: "TrainingJobStatus", Value: "Completed" }],
            SubExpressions: [filter("ResourceConfig.InstanceType", "Equals", "ml.m5.xlarge")],
          },
        ],
      },
      "ac",
    ],
  ])("%s", async ([, expression, found]) => {
    expect(await find(expression)).toBe(found);
  });
});

test("results are whole jobs, with their tags", async () => {
  const arn = `arn:aws:sagemaker:us-west-2:111122223333:training-job/job-a`;
  await jobs.sagemaker.send(new AddTagsCommand({ ResourceArn: arn, Tags: [{ Key: "later", Value: "1" }] }));
  const { Results } = await send({ SearchExpression: { Filters: [{ Name: "Tags.later", Operator: "Exists" }] } });
  expect(Results).toHaveLength(1);
  expect(Results?.[0]?.TrainingJob).toMatchObject({
    TrainingJobArn: arn,
    CreationTime: expect.any(Date),
    Tags: [
      { Key: "later", Value: "1" },
      { Key: "team.name", Value: "red" },
    ],
  });
});

test.for<[string | undefined, "Ascending" | "Descending" | undefined, string]>([
  [undefined, undefined, "cba"],
  ["CreationTime", "Ascending", "abc"],
  ["TrainingJobName", "Descending", "cba"],
  ["TrainingJobStatus", "Ascending", "acb"],
  ["Metrics.train:objective_loss", "Descending", "cba"],
  ["HyperParameters.mini_batch_size", "Ascending", "abc"],
  ["ResourceConfig.InstanceType", "Descending", "cab"],
  ["FailureReason", "Descending", "bac"],
])("pages by %s, %s, have each job once", async ([SortBy, SortOrder, wanted]) => {
  const seen: (string | undefined)[] = [];
  let NextToken: string | undefined;
  do {
    const page = await jobs.sagemaker.send(
      new SearchCommand({ Resource: "TrainingJob", MaxResults: 1, SortBy, SortOrder, NextToken }),
    );
    expect(page.Results).toHaveLength(1);
    seen.push(...(page.Results ?? []).map(({ TrainingJob }) => TrainingJob?.TrainingJobName?.at(-1)));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  expect(seen.join("")).toBe(wanted);
});

test.for<[string, Partial<SearchCommandInput>, string]>([
  [
    "another resource",
    { Resource: "Endpoint" },
    "Searching for Endpoint is not supported yet. Searchable are: TrainingJob, HyperParameterTuningJob.",
  ],
  [
    "an unknown property",
    { SearchExpression: { Filters: [{ Name: "Nme", Value: "x" }] } },
    "Unknown property name: Nme",
  ],
  ["an unknown order", { SortBy: "Colour" }, "Unknown property name: Colour"],
  ["nothing to search for", { SearchExpression: { Operator: "And" } }, "needs Filters"],
  [
    "a value of what must only exist",
    { SearchExpression: { Filters: [{ Name: "RoleArn", Operator: "Exists", Value: "x" }] } },
    "Value cannot be given",
  ],
  [
    "two parts of texts",
    {
      SearchExpression: {
        Filters: ["a", "b"].map((Value) => ({ Name: "TrainingJobName", Operator: "Contains" as const, Value })),
      },
    },
    "'CONTAINS' operator usage limit of 1 exceeded.",
  ],
  ["a token of its own", { NextToken: "xyz" }, "The pagination token is invalid."],
])("%s is refused", async ([, input, message]) => {
  await expect(send(input)).rejects.toMatchObject({
    name: "ValidationException",
    message: expect.stringContaining(message),
  });
});

test("names of properties are suggested", async () => {
  const { PropertyNameSuggestions } = await jobs.sagemaker.send(
    new GetSearchSuggestionsCommand({
      Resource: "TrainingJob",
      SuggestionQuery: { PropertyNameQuery: { PropertyNameHint: "training" } },
    }),
  );
  expect(PropertyNameSuggestions?.map(({ PropertyName }) => PropertyName)).toContain("TrainingJobStatus");
});
