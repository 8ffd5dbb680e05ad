import type { OperationPlace } from "../../service.ts";
import { builtIn } from "./built-in.ts";
import type { Ranges } from "./definitions.ts";
import type { TrialDefinition, TuningConfig, TuningJobSpec } from "./tuning-job.ts";

/** Trials for each hyperparameter that is varied, and beyond those. */
const trialsEach = 10;
const trialsBeyond = 10;
/** How far a range goes below and above a hint. */
const around = 10;

type AutoParameters = NonNullable<Ranges["AutoParameters"]>;

/**
 * Fills in what Autotune may choose and the request leaves open: ranges, how many training jobs, when to stop them and
 * when to stop altogether. Without Autotune the request comes back as it is.
 */
export function autotuned(spec: TuningJobSpec, place: OperationPlace): TuningJobSpec {
  if (spec.Autotune?.Mode !== "Enabled") return spec;
  const config = spec.HyperParameterTuningJobConfig as TuningConfig;
  const single = spec.TrainingJobDefinition;
  const ParameterRanges = single && chosenRanges(config.ParameterRanges, single, place);
  const definitions = spec.TrainingJobDefinitions?.map((definition) => ({
    ...withRetries(definition),
    HyperParameterRanges: chosenRanges(definition.HyperParameterRanges, definition, place),
  }));
  const all = ParameterRanges ? [ParameterRanges] : (definitions ?? []).map((each) => each.HyperParameterRanges);
  const limits = config.ResourceLimits;
  const isOpen = limits?.MaxNumberOfTrainingJobs === undefined && config.Strategy !== "Grid";
  const trials = all.reduce((sum, ranges) => sum + trialsEach * countOf(ranges) + trialsBeyond, 0);
  const { TuningJobCompletionCriteria: criteria } = config;
  return {
    ...spec,
    ...(single && { TrainingJobDefinition: withRetries(single) }),
    ...(definitions && { TrainingJobDefinitions: definitions }),
    HyperParameterTuningJobConfig: {
      ...config,
      ...(ParameterRanges && { ParameterRanges }),
      ResourceLimits: {
        ...limits,
        MaxParallelTrainingJobs: limits?.MaxParallelTrainingJobs,
        ...(isOpen && { MaxNumberOfTrainingJobs: Math.min(trials, 750) }),
      },
      TrainingJobEarlyStoppingType:
        config.TrainingJobEarlyStoppingType ?? (config.Strategy === "Hyperband" ? "Off" : "Auto"),
      TuningJobCompletionCriteria: {
        ...criteria,
        ConvergenceDetected: criteria?.ConvergenceDetected ?? { CompleteOnConvergence: "Enabled" },
      },
    },
  };
}

function withRetries(definition: TrialDefinition): TrialDefinition {
  return { ...definition, RetryStrategy: definition.RetryStrategy ?? { MaximumRetryAttempts: 3 } };
}

function countOf(ranges: Ranges): number {
  const {
    IntegerParameterRanges: a = [],
    ContinuousParameterRanges: b = [],
    CategoricalParameterRanges: c = [],
  } = ranges;
  return a.length + b.length + c.length;
}

/** The given ranges, and those of the hyperparameters that only a hint is given of; the algorithm's own where there are none. */
function chosenRanges(given: Ranges | undefined, definition: TrialDefinition, place: OperationPlace): Ranges {
  const tunable = new Map(
    Object.entries(builtIn(definition, place)?.hyperparameters ?? {}).flatMap(([name, declared]) =>
      declared.tunable ? [[name, declared.tunable] as const] : [],
    ),
  );
  const hints: AutoParameters = given?.AutoParameters ?? [];
  const isEmpty = countOf(given ?? {}) + hints.length === 0;
  const fixed = definition.StaticHyperParameters ?? {};
  const names = isEmpty
    ? [...tunable.keys()].filter((name) => !Object.hasOwn(fixed, name))
    : hints.map(({ Name }) => Name as string);
  const ranges = {
    IntegerParameterRanges: [...(given?.IntegerParameterRanges ?? [])],
    ContinuousParameterRanges: [...(given?.ContinuousParameterRanges ?? [])],
    CategoricalParameterRanges: [...(given?.CategoricalParameterRanges ?? [])],
  };
  for (const [index, name] of names.entries()) {
    const range = tunable.get(name) ?? aroundHint(hints[index]?.ValueHint ?? "");
    if (range.type === "Categorical") {
      ranges.CategoricalParameterRanges.push({ Name: name, Values: [...range.values] });
      continue;
    }
    const ends = { Name: name, MinValue: String(range.min), MaxValue: String(range.max), ScalingType: "Auto" as const };
    ranges[range.type === "Integer" ? "IntegerParameterRanges" : "ContinuousParameterRanges"].push(ends);
  }
  return { ...ranges, ...(hints.length > 0 && { AutoParameters: hints }) };
}

/** A range about a value that was good before; text has nothing around it. */
function aroundHint(hint: string) {
  const value = Number(hint);
  if (hint.trim() === "" || !Number.isFinite(value)) return { type: "Categorical", values: [hint] } as const;
  const [low, high] = [value / around, value * around].sort((a, b) => a - b) as [number, number];
  if (/^[+-]?\d+$/.test(hint)) {
    return { type: "Integer", min: Math.floor(low), max: Math.max(Math.ceil(high), Math.floor(low) + 1) } as const;
  }
  return { type: "Continuous", min: low, max: high } as const;
}
