import type { AlgorithmDefinition } from "../definition.ts";
import type { Rows } from "../formats/rows.ts";
import type { Channel } from "./channels.ts";
import type { HyperparameterSchema, Parsed } from "./hyperparameters.ts";
import type { JobLog } from "./job-log.ts";
import type { MediaType } from "./serving/media-types.ts";

/** What `/opt/ml/input/config/resourceconfig.json` says of this host and its peers. */
export interface ResourceConfig {
  /** `algo-1`. */
  readonly currentHost: string;
  /** Every host of the job, in lexicographic order. */
  readonly hosts: readonly string[];
  /** `ml.m5.large`; undefined where nobody said. */
  readonly instanceType: string | undefined;
}

/** All that an algorithm sees of its job. Hyperparameters are parsed, checked and completed with defaults. */
export interface TrainingContext<H = Readonly<Record<string, unknown>>> {
  readonly hyperparameters: H;
  /**
   * The hyperparameters as they were given, with the platform's own (`_tuning_objective_metric` is there when a tuning
   * job started this one).
   */
  readonly given: Readonly<Record<string, string>>;
  /** Channels that the job was given, by name. Required ones are there: that was checked. */
  readonly channels: ReadonlyMap<string, Channel>;
  readonly resources: ResourceConfig;
  readonly log: JobLog;
  /** `/opt/ml/model`: what is in it at the end becomes model.tar.gz. */
  readonly modelDirectory: string;
  /** `/opt/ml/output/data`: what is in it at the end becomes output.tar.gz. */
  readonly outputDirectory: string;
  /** Set when the job has a CheckpointConfig: files in it outlive this run, and those of an earlier run are there. */
  readonly checkpointsDirectory: string | undefined;
  /** Cores that this run may use, at least 1. */
  readonly cpus: number;
  /** Memory that this run may use, where there is a limit. */
  readonly memoryBytes: number | undefined;
  /**
   * Aborts on SIGTERM. `fit` then writes the model as far as it has come and returns; 120 seconds later the run is
   * killed.
   */
  readonly signal: AbortSignal;
  /** Path of the shared library that the algorithm stands on, where it has one. */
  readonly library: string | undefined;
}

/** One result per row, column by column, ready for any encoding. */
export interface Predictions {
  readonly rows: number;
  readonly columns: readonly PredictionColumn[];
}

/** A named result: a number per row, or a list of `width` numbers per row, row-major. */
export interface PredictionColumn {
  /** `score`, `predicted_label`. */
  readonly name: string;
  /** Absent: one number per row. A number: lists, even of length 1. */
  readonly width?: number;
  readonly values: Float32Array | Float64Array;
  /** Whether text formats write whole numbers as `3.0`, as the service does of some results. */
  readonly isFloat?: boolean;
}

/** A loaded model. Calls are synchronous and cheap: they run on the server's event loop. */
export interface Predictor {
  /** How many features a row has; rows of another width are refused before `predict` is called. */
  readonly featureDim: number;
  predict(rows: Rows, request?: PredictionRequest): Predictions;
}

/** A loaded model whose requests and answers have forms of their own. */
export interface Answerer {
  /** @throws RequestError with the status that says why there is no answer. */
  answer(request: ModelRequest): ModelAnswer;
  /** The same for large bodies, where it is worth to read them on other threads. */
  answerLarge?(request: ModelRequest): Promise<ModelAnswer>;
  /** Requests of any size are answered by `answerLarge`: the model works beside the server's event loop. */
  readonly answersLater?: true;
  /** What GET /execution-parameters says of requests at a time. */
  readonly maxConcurrentTransforms: number;
}

/** An invocation as it came. */
export interface ModelRequest {
  readonly contentType: string | undefined;
  readonly accept: string | undefined;
  readonly body: Buffer;
}

/** What an invocation is answered with. */
export interface ModelAnswer {
  readonly status: 200 | 204;
  readonly type: string;
  readonly body: string | Buffer;
}

/** What a model is loaded with besides its files. */
export interface LoadContext {
  readonly environment: NodeJS.ProcessEnv;
  /** Path of the shared library that the algorithm stands on, where it has one. */
  readonly library: string | undefined;
  readonly cpus: number;
  readonly log: JobLog;
}

/** What a request says besides its rows. */
interface PredictionRequest {
  /** The `configuration` object of each row, where the format has one and the request used it. */
  readonly configurations?: readonly (Readonly<Record<string, unknown>> | undefined)[];
  /** Parameters of the accepted type: `verbose` of `application/json; verbose=true`. */
  readonly acceptParameters: ReadonlyMap<string, string>;
}

/** How the answers of an algorithm are written. */
export interface ResponseFormat {
  /** Name of the list that wraps JSON answers: `predictions`, `projections`, `scores`. */
  readonly wrapper: string;
  /** What is answered when the caller names no type. */
  readonly defaultAccept: "application/json" | "text/csv";
}

/** A built-in algorithm: what is known of it, and its code. */
export interface AlgorithmModule extends AlgorithmDefinition {
  readonly response: ResponseFormat;
  /** Name in the `Algorithm` dimension of `#metrics` lines: `Linear Learner`. */
  readonly title: string;
  /** Content types of requests, where not all that are spoken here. */
  readonly requestTypes?: readonly MediaType[];
  fit(job: TrainingContext): Promise<void>;
  /** Reads what `fit` wrote. */
  load(modelDirectory: string, context: LoadContext): Promise<Predictor | Answerer>;
}

/** What is needed of a module to serve its models. */
export type ServableModule = Pick<AlgorithmModule, "response" | "title" | "requestTypes" | "load">;

/** Joins a definition with its code, whose hyperparameters are typed by the definition's schema. */
export function defineAlgorithm<S extends HyperparameterSchema>(
  definition: AlgorithmDefinition & { readonly hyperparameters: S },
  code: Pick<AlgorithmModule, "response" | "title" | "requestTypes" | "load"> & {
    fit(job: TrainingContext<Parsed<S>>): Promise<void>;
  },
): AlgorithmModule {
  // The caller of `fit` parses with this very schema, which is what makes the narrower type true.
  return { ...definition, ...code, fit: (job) => code.fit(job as TrainingContext<Parsed<S>>) };
}
