import {
  CreateHyperParameterTuningJobCommand,
  type CreateHyperParameterTuningJobCommandInput,
  DescribeHyperParameterTuningJobCommand,
  type DescribeHyperParameterTuningJobCommandOutput,
  type HyperParameterTrainingJobDefinition,
  type HyperParameterTrainingJobSummary,
  type HyperParameterTuningJobConfig,
  ListTrainingJobsForHyperParameterTuningJobCommand,
  type ListTrainingJobsForHyperParameterTuningJobCommandInput,
} from "@aws-sdk/client-sagemaker";
import type { JobServer } from "../../training-job/testkit/job-server.ts";
import { trainingJob } from "../../training-job/testkit/job-server.ts";
import { logLines, type ScriptedEngine, type ScriptedRun } from "../../training-job/testkit/scripted-engine.ts";

let names = 0;

/** A definition of an image that prints `loss=VALUE;` lines. */
export function definition(
  changes: Partial<HyperParameterTrainingJobDefinition> = {},
): HyperParameterTrainingJobDefinition {
  const { RoleArn, InputDataConfig, OutputDataConfig, ResourceConfig, StoppingCondition } = trainingJob();
  return {
    ...{ RoleArn, InputDataConfig, OutputDataConfig, ResourceConfig, StoppingCondition },
    AlgorithmSpecification: {
      TrainingImage: "registry.example/forest:1",
      TrainingInputMode: "File",
      MetricDefinitions: [{ Name: "loss", Regex: "loss=(\\S+);" }],
    },
    StaticHyperParameters: { trees: "7" },
    ...changes,
  };
}

/** A config with one continuous range, of which three trials are run at random. */
export function config(changes: Partial<HyperParameterTuningJobConfig> = {}): HyperParameterTuningJobConfig {
  return {
    Strategy: "Random",
    HyperParameterTuningJobObjective: { Type: "Minimize", MetricName: "loss" },
    ResourceLimits: { MaxNumberOfTrainingJobs: 3, MaxParallelTrainingJobs: 2 },
    ParameterRanges: { ContinuousParameterRanges: [{ Name: "x", MinValue: "0", MaxValue: "1" }] },
    RandomSeed: 1,
    ...changes,
  };
}

/** A tuning job's request with a fresh name. */
export function tuningJob(
  of: Partial<CreateHyperParameterTuningJobCommandInput> = {},
): CreateHyperParameterTuningJobCommandInput {
  names += 1;
  return {
    HyperParameterTuningJobName: `Tune-${names}`,
    HyperParameterTuningJobConfig: config(),
    TrainingJobDefinition: definition(),
    ...of,
  };
}

/** What a test does with tuning jobs. */
export class Tuning {
  readonly #jobs: JobServer;

  constructor(jobs: JobServer) {
    this.#jobs = jobs;
  }

  async create(of: Partial<CreateHyperParameterTuningJobCommandInput> = {}): Promise<string> {
    const input = tuningJob(of);
    await this.#jobs.sagemaker.send(new CreateHyperParameterTuningJobCommand(input));
    return input.HyperParameterTuningJobName as string;
  }

  describe(HyperParameterTuningJobName: string): Promise<DescribeHyperParameterTuningJobCommandOutput> {
    return this.#jobs.sagemaker.send(new DescribeHyperParameterTuningJobCommand({ HyperParameterTuningJobName }));
  }

  /** Waits until it is in one of the statuses. */
  async until(name: string, ...statuses: string[]): Promise<DescribeHyperParameterTuningJobCommandOutput> {
    for (;;) {
      const job = await this.describe(name);
      if (statuses.includes(job.HyperParameterTuningJobStatus as string)) return job;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Runs it to its end. */
  async run(of: Partial<CreateHyperParameterTuningJobCommandInput> = {}) {
    const name = await this.create(of);
    return this.until(name, "Completed", "Failed", "Stopped");
  }

  /** Its training jobs, over all pages. */
  async trials(
    HyperParameterTuningJobName: string,
    query: Partial<ListTrainingJobsForHyperParameterTuningJobCommandInput> = {},
  ): Promise<HyperParameterTrainingJobSummary[]> {
    const all: HyperParameterTrainingJobSummary[] = [];
    let NextToken: string | undefined;
    do {
      const page = await this.#jobs.sagemaker.send(
        new ListTrainingJobsForHyperParameterTuningJobCommand({ HyperParameterTuningJobName, ...query, NextToken }),
      );
      all.push(...(page.TrainingJobSummaries ?? []));
      NextToken = page.NextToken;
    } while (NextToken !== undefined);
    return all;
  }
}

/** Runs end well after they printed a loss for each of the given values, as a container would. */
export function printing(lossesOf: (run: ScriptedRun) => readonly (number | string)[], exitCode = 0) {
  return async (run: ScriptedRun, engine: ScriptedEngine): Promise<void> => {
    await logLines(run, ...lossesOf(run).map((loss) => `loss=${loss};`));
    engine.exit(run.id, exitCode);
  };
}
