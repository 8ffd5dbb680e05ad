"""Odd days on the stock market: which trading days since 2000 were unlike the others, and would a stream have told?

Run in the clone's folder, with `eval "$(sagebrush env --intercept)"` and `pip install "sagemaker<3"`. The data is the daily
S&P 500 that the npm package vega-datasets carries; set-up has installed that.
"""

import csv
import math

import numpy
import sagemaker
from sagemaker import RandomCutForest

with open("node_modules/vega-datasets/data/sp500-2000.csv") as file:
    days = list(csv.DictReader(file))


def describe(day, before):
    """A day in percent of the index: how far it moved since the day before, how far within, and how trade grew."""
    high, low, close, volume = (float(day[name]) for name in ("high", "low", "close", "volume"))
    moved = 100 * math.log(close / float(before["close"]))
    return [moved, 100 * math.log(high / low), math.log(volume / float(before["volume"]))]


class ThreeSigma:
    """Says of each score of a stream whether it is more than three standard deviations above the mean so far."""

    def __init__(self, least=100):
        self.count, self.mean, self.squares, self.least = 0, 0.0, 0.0, least

    def is_odd(self, score):
        deviation = math.sqrt(self.squares / self.count) if self.count else 0.0
        odd = self.count >= self.least and score > self.mean + 3 * deviation
        self.count += 1  # Welford's update: neither the scores nor their sum of squares is kept
        step = score - self.mean
        self.mean += step / self.count
        self.squares += step * (score - self.mean)
        return odd


rows = numpy.array([describe(day, before) for before, day in zip(days, days[1:])], dtype="float32")
names = [day["date"] for day in days[1:]]

forest = RandomCutForest(
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    num_trees=100,
    num_samples_per_tree=48,
)
forest.fit(forest.record_set(rows))
predictor = forest.deploy(1, "ml.m5.large")
scores = [each.label["score"].float32_tensor.values[0] for each in predictor.predict(rows)]
predictor.delete_endpoint()

print()
for i in sorted(range(len(rows)), key=lambda i: -scores[i])[:10]:
    moved, ranged, traded = rows[i]
    print(f"odd day: {names[i]}, score {scores[i]:.2f}; moved {moved:+.1f} %, ranged over {ranged:.1f} %")
stream = ThreeSigma()
alarms = [name for name, score in zip(names, scores) if stream.is_odd(score)]
by_year = {year: sum(name.startswith(year) for name in alarms) for year in sorted({name[:4] for name in names})}
print(f"alarms of a stream: {len(alarms)} in {len(rows)} days; " + ", ".join(f"{y}: {n}" for y, n in by_year.items()))
