import type { Observation, Proposer, TrialHistory } from "../history.ts";
import { type RandomStream, randomStream } from "../random-stream.ts";
import type { Point, SearchSpace } from "../search-space.ts";
import { evenPoint } from "./candidates.ts";
import { logExpectedImprovement, logMeanExp } from "./expected-improvement.ts";
import { GaussianProcess } from "./gaussian-process.ts";
import { fitHyperparameters, initialHyperparameters, type LogHyperparameters } from "./hyperparameters.ts";
import { Matern52 } from "./kernel.ts";
import { maximise } from "./maximise.ts";
import { standardiseLosses } from "./standardise.ts";

/** Trials that hyperparameters are fitted to: each step of that costs the cube of their number. */
const maxFitted = 120;
/** Of the fitted trials, so many are the best ones. */
const bestFitted = 50;
/** Endings that are imagined for trials that still run. */
const fantasies = 8;
/** Trials that still run and are imagined about; more are only avoided. */
const maxImagined = 100;
/** With fewer trials the deviation itself costs little more than a bound of it. */
const fewestBounded = 100;
/**
 * Every so many trials, an improvement only counts beyond this share of the objectives' standard deviation: a search that knows
 * one hollow well would polish it for ever, and gain nothing that anybody could use.
 */
const lookAroundEvery = 3;
const leastGain = 0.1;
/** What trials of other data are less sure by, as a share of the objective's variance. */
const foreignNoise = 0.25;

/**
 * Bayesian optimisation: a Gaussian process (Matérn 5/2, a length scale for each parameter, fitted noise) of the objective,
 * and the trial whose expected improvement on the best mean is greatest. Trials that still run are imagined to end in
 * several ways, and the improvement is averaged over them, so that trials side by side spread out.
 * @see Snoek, Larochelle and Adams (2012), Practical Bayesian optimization of machine learning algorithms.
 */
export function bayesianSearch(space: SearchSpace, seed: number): Proposer {
  const kernel = new Matern52(space);
  const shift = Float64Array.from({ length: space.dimensions }, randomStream(seed, 0).uniform);
  /** Trials before there is anything to learn from. */
  const initial = 4 + Math.ceil(space.dimensions / 2);
  let theta: LogHyperparameters | undefined;
  return (trial, history) => {
    const isTaken = takenPlaces(space, history);
    const isEarly = history.begun + priorOf(history) < initial || history.observations.length < 2;
    if (space.dimensions === 0) return {};
    if (isEarly) return space.decode(firstFree(space, trial, shift, isTaken));
    const random = randomStream(seed, trial);
    const { observations } = history;
    const y = standardiseLosses(observations);
    const fitted = chooseFitted(observations, y);
    theta = fitHyperparameters(
      kernel,
      fitted.map((index) => (observations[index] as Observation).point),
      Float64Array.from(fitted, (index) => y[index] as number),
      theta && fitted.length > bestFitted
        ? [theta]
        : [...initialHyperparameters(kernel.dimensions), ...(theta ? [theta] : [])],
      fitted.length > bestFitted ? 15 : 30,
    );
    const gain = trial % lookAroundEvery === 0 ? leastGain : 0;
    const { height, known, size } = acquisition(kernel, theta, observations, { y, gain }, history.pending, random);
    const evaluations = Math.round(Math.min(2500, Math.max(400, 4e8 / size ** 2)));
    const point = maximise(height, { space, random, known, evaluations, isTaken });
    return space.decode(point ?? firstFree(space, trial, shift, isTaken));
  };
}

/** Observations that came from elsewhere. */
function priorOf({ observations, begun, pending }: TrialHistory): number {
  return Math.max(0, observations.length - (begun - pending.length));
}

/**
 * While there are others, no trial is repeated: one that gave nothing the last time gives nothing again. Among infinitely
 * many places there is nothing to look for.
 */
function takenPlaces(space: SearchSpace, history: TrialHistory): (point: Point) => boolean {
  const canRepeat = history.begun >= space.size || space.size === Number.POSITIVE_INFINITY;
  return canRepeat ? () => false : (point) => history.hasTried(point);
}

function firstFree(space: SearchSpace, trial: number, shift: Float64Array, isTaken: (point: Point) => boolean): Point {
  for (let k = trial; k < trial + 1000; k++) {
    const point = evenPoint(space, k, shift);
    if (!isTaken(point)) return point;
  }
  return evenPoint(space, trial, shift);
}

/** Indices of the trials that hyperparameters are fitted to: the best, and an even share of the others. */
function chooseFitted(observations: readonly Observation[], y: Float64Array): number[] {
  const order = observations.map((_, index) => index).sort((a, b) => (y[a] as number) - (y[b] as number));
  if (order.length <= maxFitted) return order;
  const others = order.slice(bestFitted);
  const step = others.length / (maxFitted - bestFitted);
  const chosen = Array.from({ length: maxFitted - bestFitted }, (_, k) => others[Math.floor(k * step)] as number);
  return [...order.slice(0, bestFitted), ...chosen];
}

/** How much a trial at a place promises, with what is known and what still runs. */
function acquisition(
  kernel: Matern52,
  theta: LogHyperparameters,
  observations: readonly Observation[],
  { y, gain }: { readonly y: Float64Array; readonly gain: number },
  pending: readonly Point[],
  random: RandomStream,
) {
  const seen = observations.map(({ point }) => point);
  const extraNoise = Float64Array.from(observations, ({ source }) => (source === undefined ? 0 : foreignNoise));
  const alone = new GaussianProcess(kernel, theta, seen, [y], { extraNoise });
  const imagined = pending.slice(-maxImagined);
  const process = imagined.length === 0 ? alone : imagine(imagined);
  const points = imagined.length === 0 ? seen : [...seen, ...imagined];
  const bests = lowest(points.map((point) => process.means(point))).map((best) => best - gain);
  const order = seen.map((_, index) => index).sort((a, b) => (y[a] as number) - (y[b] as number));
  const isSmall = points.length < fewestBounded;
  return {
    height(point: Point, floor: number): number {
      const { means, mostDeviation, deviation } = process.look(point);
      const promise = (of: number) =>
        logMeanExp(means.map((mean, at) => logExpectedImprovement(bests[at] as number, mean, of)));
      // More doubt promises more: where the most there can be does not suffice, how much there is does not matter.
      const most = isSmall ? Number.POSITIVE_INFINITY : promise(mostDeviation());
      return most < floor ? most : promise(deviation());
    },
    known: order.slice(0, 10).map((index) => seen[index] as Point),
    size: points.length,
  };

  function imagine(running: readonly Point[]): GaussianProcess {
    const targets = Array.from({ length: fantasies }, () => {
      const normals = Float64Array.from(running, () => random.normal());
      return Float64Array.from([...y, ...alone.draw(running, normals)]);
    });
    return alone.extended(running, targets);
  }
}

/** The lowest value of each set. @param rows - One array for each place, with a value for each set. */
function lowest(rows: readonly Float64Array[]): Float64Array {
  const first = rows[0] as Float64Array;
  return first.map((_, set) => Math.min(...rows.map((row) => row[set] as number)));
}
