"""Market segments: which countries are alike in income, health and size, and where does a newcomer belong?

Run in the clone's folder, with `eval "$(sagebrush env --intercept)"` and `pip install "sagemaker<3"`. The data is
gapminder's, as the npm package vega-datasets carries it; set-up has installed that.
"""

import csv
import math

import numpy
import sagemaker
from sagemaker import KMeans

with open("node_modules/vega-datasets/data/gapminder-health-income.csv") as file:
    countries = list(csv.DictReader(file))


def describe(income, health, population):
    """Years of life, and powers of ten of dollars and people: numbers of which one step means about as much."""
    return [4 * math.log10(income), health / 5, math.log10(population)]


rows = numpy.array(
    [describe(*(float(each[name]) for name in ("income", "health", "population"))) for each in countries],
    dtype="float32",
)

segments = KMeans(
    role=sagemaker.get_execution_role(), instance_count=1, instance_type="ml.m5.large", k=4, init_method="kmeans++"
)
segments.fit(segments.record_set(rows))
predictor = segments.deploy(1, "ml.m5.large")


def segment_of(points):
    return [int(each.label["closest_cluster"].float32_tensor.values[0]) for each in predictor.predict(points)]


of_country = segment_of(rows)
print()
for segment in sorted(set(of_country)):
    members = [each for each, found in zip(countries, of_country) if found == segment]
    income = numpy.median([float(each["income"]) for each in members])
    health = numpy.median([float(each["health"]) for each in members])
    largest = sorted(members, key=lambda each: -float(each["population"]))[:3]
    names = ", ".join(each["country"] for each in largest)
    print(f"segment {segment}: {len(members)} countries, {income:,.0f} dollars, {health:.0f} years; {names}")

newcomer = numpy.array([describe(income=30_000, health=80, population=5_000_000)], dtype="float32")
print(f"newcomer: segment {segment_of(newcomer)[0]}")
predictor.delete_endpoint()
