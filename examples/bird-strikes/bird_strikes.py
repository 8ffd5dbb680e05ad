"""Which birds do aeroplanes meet together? Communities of species out of 10,000 bird strikes, state by state.

Run in the clone's folder, with `eval "$(sagebrush env --intercept)"` and `pip install "sagemaker<3"`. The data is that of the U.S.
Federal Aviation Administration, as the npm package vega-datasets carries it; set-up has installed that.
"""

import collections
import csv

import numpy
import sagemaker
from sagemaker import LDA

with open("node_modules/vega-datasets/data/birdstrikes.csv") as file:
    strikes = [(each["Origin State"], each["Wildlife Species"]) for each in csv.DictReader(file)]
strikes = [(state, species) for state, species in strikes if "nknown" not in species and state not in ("", "N/A")]

# A state is a document, and a strike is a word of it.
often = collections.Counter(species for _, species in strikes)
species = sorted(each for each, count in often.items() if count >= 15)
many = collections.Counter(state for state, each in strikes if each in species)
states = sorted(state for state, count in many.items() if count >= 20)
counts = numpy.zeros((len(states), len(species)), dtype="float32")
for state, each in strikes:
    if state in states and each in species:
        counts[states.index(state), species.index(each)] += 1

learner = LDA(role=sagemaker.get_execution_role(), instance_type="ml.m5.large", num_topics=4, alpha0=0.5)
learner.fit(learner.record_set(counts), mini_batch_size=len(counts))
predictor = learner.deploy(1, "ml.m5.large")
answers = predictor.predict(counts)
mixtures = numpy.array([list(each.label["topic_mixture"].float32_tensor.values) for each in answers])
predictor.delete_endpoint()

usual = counts.sum(axis=0) / counts.sum()
print(f"\n{int(counts.sum())} strikes, {len(species)} species, {len(states)} states")
for topic in range(mixtures.shape[1]):
    # What is more frequent in states of this community than elsewhere.
    here = (mixtures[:, topic, None] * counts).sum(axis=0)
    lift = (here / here.sum()) * numpy.log((here / here.sum() + 1e-6) / usual)
    birds = ", ".join(species[each].lower() for each in numpy.argsort(-lift)[:4])
    where = ", ".join(states[each] for each in numpy.argsort(-mixtures[:, topic])[:4])
    print(f"community {topic}: {birds}; in {where}")
