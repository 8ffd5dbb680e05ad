import type { Store } from "../../../store/store.ts";
import { Hyperband, MedianRule, Optimiser, type StoppingRule, type Suggestion } from "../../../tuning/index.ts";
import { type Definition, definitionsOf } from "./definitions.ts";
import { hyperbandResources } from "./hyperband-resources.ts";
import { parametersOf } from "./parameters.ts";
import { priorOf } from "./prior.ts";
import { allTrials } from "./read-trials.ts";
import {
  type TuningConfig,
  type TuningJobRecord,
  type TuningTrial,
  type TuningTrialRecord,
  usableObjective,
} from "./tuning-job.ts";

/** Trials that every definition has before one is preferred to another. */
const fairStart = 3;

/** What an optimiser chose for the next trial. */
export interface NextTrial {
  readonly definition: number;
  readonly suggestion: Suggestion;
}

/** One definition, and the search over its ranges. */
interface Branch extends Definition {
  readonly optimiser: Optimiser;
  readonly rule?: StoppingRule;
  launched: number;
  best?: number;
  isExhausted: boolean;
}

/**
 * All that is known of a tuning job's trials, in memory: read from the store once, and then kept by the one controller that
 * changes it. Whatever is lost with it can be read again.
 */
export class TrialBook {
  readonly createdAt: number;
  readonly trials = new Map<number, TuningTrialRecord>();
  /** Objectives that a running trial has reported, in the order of its resource. */
  readonly curves = new Map<number, number[]>();
  readonly #branches: readonly Branch[];
  readonly #maximise: boolean;
  readonly #resumed = new Set<number>();
  /** Chosen, and not launched yet: a machine may have been missing. */
  #next: NextTrial | undefined;

  private constructor(record: TuningJobRecord, branches: readonly Branch[]) {
    this.createdAt = record.createdAt;
    this.#branches = branches;
    this.#maximise = branches[0]?.objective.Type === "Maximize";
  }

  /** Reads a tuning job's trials, and builds the searches that they are of. */
  static async open(store: Store, record: TuningJobRecord): Promise<TrialBook> {
    const { spec, seed } = record.value;
    const config = spec.HyperParameterTuningJobConfig as TuningConfig;
    const prior = await priorOf(store, record);
    const branches = definitionsOf(spec).map((definition, index): Branch => {
      const maximise = definition.objective.Type === "Maximize";
      const optimiser = new Optimiser({
        strategy: config.Strategy as NonNullable<TuningConfig["Strategy"]>,
        parameters: parametersOf(definition.ranges, definition.member),
        ...{ maximise, prior },
        seed: seed + index,
      });
      const rule = ruleOf(config, definition);
      return { ...definition, optimiser, ...(rule && { rule }), launched: 0, isExhausted: false };
    });
    const book = new TrialBook(record, branches);
    for (const trial of await allTrials(store, record)) book.#resume(trial);
    return book;
  }

  get open(): TuningTrialRecord[] {
    return [...this.trials.values()].filter(({ value }) => value.endedAt === undefined);
  }

  get isExhausted(): boolean {
    return this.#next === undefined && this.#branches.every(({ isExhausted }) => isExhausted);
  }

  branch(definition: number): Branch {
    return this.#branches[definition] as Branch;
  }

  /** Whether a trial was running when this was read from the store. */
  wasResumed(trial: number): boolean {
    return this.#resumed.has(trial);
  }

  /** Whether running trials are followed, value by value. */
  get follows(): boolean {
    return this.#branches.some(({ rule }) => rule !== undefined);
  }

  /** The next trial; the same until it is launched. */
  ask(): NextTrial | undefined {
    while (this.#next === undefined) {
      const definition = this.#turn();
      if (definition === undefined) return undefined;
      const suggestion = this.branch(definition).optimiser.ask();
      if (suggestion) this.#next = { definition, suggestion };
      else this.branch(definition).isExhausted = true;
    }
    return this.#next;
  }

  /** The trial that was asked for last now runs. */
  launched(trial: TuningTrialRecord): void {
    this.#next = undefined;
    this.branch(trial.value.definition).launched += 1;
    this.trials.set(trial.value.trial, trial);
  }

  /** A trial has changed; one that has ended teaches its search. */
  changed(trial: TuningTrialRecord): void {
    const before = this.trials.get(trial.value.trial)?.value;
    this.trials.set(trial.value.trial, trial);
    if (before?.endedAt === undefined && trial.value.endedAt !== undefined) this.#learn(trial.value);
  }

  /** Whose turn it is: each definition's in the beginning, and then twice as often the one's with the best objective. */
  #turn(): number | undefined {
    const able = this.#branches.flatMap((branch, index) => (branch.isExhausted ? [] : [{ ...branch, index }]));
    const values = able.flatMap(({ best, launched }) => (best === undefined || launched < fairStart ? [] : [best]));
    const top = this.#maximise ? Math.max(...values) : Math.min(...values);
    const weigh = ({ launched, best }: Branch) => launched / (best === top && launched >= fairStart ? 2 : 1);
    return able.toSorted((a, b) => weigh(a) - weigh(b))[0]?.index;
  }

  #resume(record: TuningTrialRecord): void {
    const { value } = record;
    const branch = this.branch(value.definition);
    branch.optimiser.resume(value.suggestion, value.values);
    branch.launched += 1;
    this.trials.set(value.trial, record);
    if (value.endedAt === undefined) this.#resumed.add(value.trial);
    else this.#learn(value);
  }

  #learn(trial: TuningTrial): void {
    const branch = this.branch(trial.definition);
    const value = usableObjective(trial);
    branch.optimiser.tell(trial.suggestion, value);
    if (value === undefined) return;
    const isBest = branch.best === undefined || (this.#maximise ? value > branch.best : value < branch.best);
    if (isBest) branch.best = value;
  }
}

function ruleOf(config: TuningConfig, definition: Definition): StoppingRule | undefined {
  const maximise = definition.objective.Type === "Maximize";
  if (config.Strategy === "Hyperband") return new Hyperband({ maximise, ...hyperbandResources(config, definition) });
  return config.TrainingJobEarlyStoppingType === "Auto" ? new MedianRule(maximise) : undefined;
}
