/** How an objective's answers follow from sums. */
interface Link {
  /** The sum that an answer stands for: how a base score is turned into what sums begin with. */
  toMargin(answer: number): number;
  /** Turns sums of shape (rows, outputs) into answers: in place, or as fewer numbers. */
  answers(sums: Float32Array, outputs: number): Float32Array;
}

/** Base scores of 0 and 1 are moved this far inwards, as from 3.1 on. */
const edge = Math.fround(1e-6);

const identity: Link = { toMargin: (answer) => answer, answers: (sums) => sums };

const exponential: Link = {
  toMargin: (answer) => Math.fround(Math.log(answer)),
  answers: (sums) => sums.map(Math.exp),
};

const logistic: Link = {
  toMargin: (answer) => {
    const p = Math.min(Math.max(answer, edge), Math.fround(1 - edge));
    return -Math.fround(Math.log(Math.fround(Math.fround(1 / p) - 1)));
  },
  answers: (sums) => sums.map(sigmoid),
};

const hinge: Link = { toMargin: (answer) => answer, answers: (sums) => sums.map((sum) => (sum > 0 ? 1 : 0)) };

const softprob: Link = {
  toMargin: (answer) => answer,
  answers: (sums, outputs) => {
    for (let at = 0; at < sums.length; at += outputs) softmax(sums.subarray(at, at + outputs));
    return sums;
  },
};

const softmaxLabel: Link = {
  toMargin: (answer) => answer,
  answers: (sums, outputs) =>
    Float32Array.from({ length: sums.length / outputs }, (_, row) =>
      largest(sums.subarray(row * outputs, (row + 1) * outputs)),
    ),
};

/** Objectives of XGBoost 1.0 to 3.2. Others are not scored here. */
export const links: ReadonlyMap<string, Link> = new Map([
  ...["reg:squarederror", "reg:linear", "reg:squaredlogerror", "reg:pseudohubererror", "reg:absoluteerror"].map(
    as(identity),
  ),
  ...["reg:quantileerror", "rank:pairwise", "rank:ndcg", "rank:map", "binary:logitraw"].map(as(identity)),
  ...["count:poisson", "reg:gamma", "reg:tweedie", "survival:cox", "survival:aft"].map(as(exponential)),
  ...["binary:logistic", "reg:logistic"].map(as(logistic)),
  ["binary:hinge", hinge],
  ["multi:softprob", softprob],
  ["multi:softmax", softmaxLabel],
]);

function as(link: Link): (name: string) => [string, Link] {
  return (name) => [name, link];
}

/** In floats, with the library's bound: beyond it the exponential would be infinite. */
function sigmoid(sum: number): number {
  return 1 / Math.fround(Math.fround(Math.exp(Math.min(-sum, Math.fround(88.7)))) + 1);
}

function softmax(sums: Float32Array): void {
  let most = Number.NEGATIVE_INFINITY;
  for (const sum of sums) most = Math.max(most, sum);
  let total = 0;
  for (let i = 0; i < sums.length; i++) {
    sums[i] = Math.exp(Math.fround((sums[i] as number) - most));
    total += sums[i] as number;
  }
  for (let i = 0; i < sums.length; i++) (sums[i] as number) /= Math.fround(total);
}

/** The first of the largest. */
function largest(sums: Float32Array): number {
  let at = 0;
  for (let i = 1; i < sums.length; i++) if ((sums[i] as number) > (sums[at] as number)) at = i;
  return at;
}
