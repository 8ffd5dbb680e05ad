import { availableParallelism } from "node:os";
import type { Answerer, LoadContext, ModelRequest } from "../../job/algorithm.ts";
import { RequestError } from "../../job/errors.ts";
import { negotiate } from "../../job/serving/negotiate.ts";
import { type Artifact, readArtifact } from "../candidates/artifact.ts";
import { openEnsemble, openModel } from "../candidates/open-candidate.ts";
import { numberOf, type RawTable } from "../data/raw-table.ts";
import { applyFeatures } from "../features/pipeline.ts";
import { type Field, fieldsOf, keysOf, type OutputKey, writeFields } from "./answers.ts";
import { readRequest } from "./read-request.ts";

type Environment = NodeJS.ProcessEnv;

/** Answers rows: fields by the keys. */
interface Container {
  readonly keys: readonly string[];
  answer(request: ModelRequest): readonly (readonly Field[])[];
}

/**
 * Opens one container of a candidate. The one that has features names them for the model after it
 * (AUTOML_TRANSFORM_MODE=feature-transform), or names the classes that the model before it has answered
 * (inverse-label-transform).
 */
export async function load(directory: string, { environment, library, log }: LoadContext): Promise<Answerer> {
  const artifact = readArtifact(directory);
  const container = await open(artifact, directory, environment, library);
  log.info(`A candidate's ${artifact.kind}, for ${artifact.problem.type} of ${artifact.problem.target}.`);
  const fallback = negotiate(environment.SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT, "text/csv").type;
  return {
    maxConcurrentTransforms: availableParallelism(),
    answer(request) {
      const { type } = negotiate(request.accept, fallback);
      return { status: 200, type, body: writeFields(container.answer(request), container.keys, type) };
    },
  };
}

async function open(
  artifact: Artifact,
  directory: string,
  environment: Environment,
  library: string | undefined,
): Promise<Container> {
  const { problem } = artifact;
  switch (artifact.kind) {
    case "features":
      return environment.AUTOML_TRANSFORM_MODE === "inverse-label-transform"
        ? classNames(artifact, environment)
        : features(artifact);
    case "ensemble": {
      const predict = await openEnsemble(artifact, directory, library);
      const keys = keysOf(environment.SAGEMAKER_INFERENCE_OUTPUT);
      const style = { classes: problem.classes, isOfPositive: false };
      return {
        keys,
        answer: ({ contentType, body }) =>
          fieldsOf(problem, predict(readRequest(contentType, body, artifact.inputs)), keys, style),
      };
    }
    case "model": {
      const model = await openModel(artifact, directory, library);
      const keys = keysOf(environment.SAGEMAKER_INFERENCE_OUTPUT);
      const style = { classes: problem.classes.map((_, number) => number), isOfPositive: true };
      const names = Array.from({ length: artifact.width }, (_, i) => `_f${i}`);
      return {
        keys,
        answer: ({ contentType, body }) =>
          fieldsOf(problem, model.predict(denseOf(readRequest(contentType, body, names))), keys, style),
      };
    }
  }
}

function features({ pipeline, inputs }: Extract<Artifact, { kind: "features" }>): Container {
  return {
    keys: pipeline.names,
    answer: ({ contentType, body }) => {
      const { values, width, count } = applyFeatures(pipeline, readRequest(contentType, body, inputs));
      return Array.from({ length: count }, (_, row) =>
        Array.from(values.subarray(row * width, (row + 1) * width), (value) => (Number.isNaN(value) ? "" : value)),
      );
    },
  };
}

function classNames({ problem }: Artifact, environment: Environment): Container {
  const given = keysOf(environment.SAGEMAKER_INFERENCE_INPUT);
  const keys = keysOf(environment.SAGEMAKER_INFERENCE_OUTPUT);
  const lacking = keys.find((key) => key !== "labels" && !given.includes(key));
  if (lacking !== undefined) {
    throw new Error(`${lacking} is selected, and the container before does not answer it (${given.join(", ")})`);
  }
  const nameOf = (text: string): string => {
    const name = problem.classes[Number(text)];
    if (name === undefined) throw new RequestError(400, `'${text}' is the number of no class.`);
    return name;
  };
  const fieldOf = (key: OutputKey, row: number, table: RawTable): Field => {
    if (key === "labels") return problem.classes;
    const text = (table.columns[given.indexOf(key)] as readonly string[])[row] as string;
    if (key === "predicted_label") return nameOf(text);
    return key === "probability" ? Number(text) : (JSON.parse(text) as number[]);
  };
  return {
    keys,
    answer: ({ contentType, body }) => {
      const table = readRequest(contentType, body, given);
      return Array.from({ length: table.count }, (_, row) => keys.map((key) => fieldOf(key, row, table)));
    },
  };
}

function denseOf({ columns, count }: RawTable) {
  const width = columns.length;
  const values = new Float32Array(count * width);
  for (const [i, column] of columns.entries()) {
    for (let row = 0; row < count; row++) values[row * width + i] = numberOf(column[row] as string);
  }
  return { kind: "dense", count, width, values } as const;
}
