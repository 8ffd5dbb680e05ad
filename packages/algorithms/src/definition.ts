import type { HyperparameterSchema, Wording } from "./job/hyperparameters.ts";

/** Everything the platform and the container need to know of a built-in algorithm before any of its code runs. */
export interface AlgorithmDefinition {
  /** `linear-learner`: the repository name of its image. */
  readonly name: string;
  /** Further repository names that mean the same algorithm. */
  readonly aliases: readonly string[];
  /** Column of the registry-account table that its image lives under. */
  readonly registry: "first-party" | "lda" | "mx-style" | "deepar" | "xgboost";
  readonly hyperparameters: HyperparameterSchema;
  /** How faults of hyperparameters and channels are told, where not as the service's own algorithms do. */
  readonly wording?: Wording;
  readonly channels: readonly {
    readonly name: string;
    readonly required: boolean;
    readonly contentTypes: readonly string[];
    /** Input modes, where not all of them are taken. */
    readonly modes?: readonly ("File" | "FastFile" | "Pipe")[];
    /** How the service wants its objects shared out between instances, where it takes one way only. */
    readonly distribution?: "FullyReplicated" | "ShardedByS3Key";
  }[];
  /** CreateTrainingJob fills `AlgorithmSpecification.MetricDefinitions` with these. Regexes are Python's. */
  readonly metrics: readonly { readonly name: string; readonly regex: string }[];
  readonly supportsDistributedTraining: boolean;
  /**
   * Whether its images also run scripts that users bring: one with an entry point is a framework's image then, and the
   * algorithm runs on the library of that framework's version.
   */
  readonly sharesImagesWithFramework?: true;
  /** Whether it multiplies large matrices: its runs are shown the host's BLAS, where there is one, as their library. */
  readonly usesBlas?: true;
  /** The image of a framework whose library its runs need besides their own code. */
  readonly needsLibrary?: { readonly repository: string; readonly tag: string };
}
