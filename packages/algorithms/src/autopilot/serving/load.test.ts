import { expect, test } from "vitest";
import type { Answerer } from "../../job/algorithm.ts";
import { createJobLog } from "../../job/job-log.ts";
import { temporaryDirectory } from "../../testkit/temporary-directory.ts";
import { profileColumn } from "../analysis/column-types.ts";
import { type Artifact, writeArtifact } from "../candidates/artifact.ts";
import { fitFeatures } from "../features/pipeline.ts";
import type { Problem } from "../problem.ts";
import { fieldsOf, writeFields } from "./answers.ts";
import { load } from "./load.ts";

const problem: Problem = { type: "BinaryClassification", target: "y", classes: ["no", "yes"] };
const table = {
  names: ["x", "town"],
  count: 4,
  columns: [
    ["1", "2", "3", "4"],
    ["Ulm", "Rom", "Ulm", "Rom"],
  ],
};
const log = createJobLog({ host: "algo-1", title: "test", write: () => undefined });

async function container(environment: Record<string, string>): Promise<Answerer> {
  const profiles = [0, 1].map((index) => profileColumn(table, index));
  const labels = Float64Array.from([0, 1, 0, 1]);
  const { pipeline } = fitFeatures({ table, labels, problem, profiles, style: "tree", seed: 1 });
  const artifact: Artifact = { kind: "features", problem, inputs: ["x", "town"], pipeline };
  const directory = temporaryDirectory();
  await writeArtifact(directory, artifact);
  return (await load(directory, { environment, library: undefined, cpus: 1, log })) as Answerer;
}

const ask = (to: Answerer, body: string, contentType = "text/csv", accept?: string) =>
  to.answer({ contentType, accept, body: Buffer.from(body) }).body;

test("one container makes features, of CSV and JSON alike", async () => {
  const features = await container({ AUTOML_TRANSFORM_MODE: "feature-transform" });
  const expected = ask(features, "2,Rom\n,Ulm\n");
  expect(expected).toMatch(/^2,.*\n,/);
  expect(ask(features, "x,town\n2,Rom\n,Ulm\n")).toBe(expected);
  expect(ask(features, '{"instances":[{"features":[2,"Rom"]},{"town":"Ulm"}]}', "application/json")).toBe(expected);
  expect(ask(features, '[2,"Rom"]\n{"x":null,"town":"Ulm"}', "application/jsonlines")).toBe(expected);
});

test("another one names the classes that the model before it answered", async () => {
  const names = await container({
    AUTOML_TRANSFORM_MODE: "inverse-label-transform",
    SAGEMAKER_INFERENCE_INPUT: "predicted_label,probabilities",
    SAGEMAKER_INFERENCE_OUTPUT: "labels,predicted_label,probabilities",
  });
  expect(ask(names, '1,"[0.2, 0.8]"\n')).toBe(`"['no', 'yes']",yes,"[0.2, 0.8]"\n`);
  expect(() => ask(names, '7,"[0.2, 0.8]"\n')).toThrow("'7' is the number of no class.");
});

test.for([
  ["1\n", "text/csv", "has 1 field(s) where 2 are expected"],
  ["[1]", "application/json", "is no list and no object"],
  ['{"z":1}', "application/json", "has 'z', which is no column"],
  ["{", "application/json", "JSON"],
  ["1,2", "text/libsvm", "Requests are text/csv"],
])("the request %j of type %s is refused", async ([body, type, message]) => {
  const features = await container({});
  expect(() => ask(features, body as string, type as string)).toThrow(message as string);
});

test("what is selected that there is not stops the container at its start", async () => {
  const wanted = container({
    AUTOML_TRANSFORM_MODE: "inverse-label-transform",
    SAGEMAKER_INFERENCE_OUTPUT: "probability",
  });
  await expect(wanted).rejects.toThrow("probability is selected, and the container before does not answer it");
});

test("the probability is of the answered class or of the positive one", () => {
  const answers = Float64Array.from([0.2]);
  const keys = ["predicted_label", "probability", "probabilities"] as const;
  const style = { classes: problem.classes, isOfPositive: false };
  expect(fieldsOf(problem, answers, keys, style)).toEqual([["no", 0.8, [0.8, 0.2]]]);
  const positive = fieldsOf(problem, answers, keys, { ...style, isOfPositive: true });
  expect(positive).toEqual([["no", 0.2, [0.8, 0.2]]]);
  expect(writeFields(positive, keys, "application/json")).toBe(
    '{"predictions":[{"predicted_label":"no","probability":0.2,"probabilities":[0.8,0.2]}]}',
  );
});
