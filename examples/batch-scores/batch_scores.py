"""Score a year of flights at once: XGBoost, then a batch transform that keeps each flight's id beside its score.

Run it in the clone's folder with `pip install "sagemaker<3"`, after `eval "$(sagebrush env --intercept)"`. Data: the 20,000 flights
of the npm package vega-datasets (U.S. Department of Transportation); set-up has installed that.
"""

import csv
import datetime
import io
import json
import pathlib

import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

flights = json.loads(pathlib.Path("node_modules/vega-datasets/data/flights-20k.json").read_text())
session = sagemaker.Session()
bucket = session.default_bucket()


def features(flight):
    when = datetime.datetime.fromisoformat(flight["date"].replace("/", "-"))
    return [when.month, when.day, when.weekday(), when.hour + when.minute / 60, flight["distance"]]


def upload(key, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return session.upload_string_as_file_body(text.getvalue(), bucket, f"batch-scores/{key}", None)


train, rest = flights[:15_000], flights[15_000:]
labelled = upload("train/train.csv", [[int(flight["delay"] >= 15), *features(flight)] for flight in train])
estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5"),
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters=dict(objective="binary:logistic", num_round=50, max_depth=4, seed=1),
)
estimator.fit({"train": TrainingInput(labelled, content_type="text/csv")})

# One object for each month, an id first. The model must not see the id, and the output should have nothing but it and the score.
months = sorted({flight["date"][5:7] for flight in rest})
for month in months:
    rows = [[f"flight-{i}", *features(flight)] for i, flight in enumerate(rest) if flight["date"][5:7] == month]
    upload(f"rows/{month}.csv", rows)
transformer = estimator.transformer(
    instance_count=2,
    instance_type="ml.m5.large",
    strategy="MultiRecord",
    accept="text/csv",
    assemble_with="Line",
    output_path=f"s3://{bucket}/batch-scores/scores",
)
transformer.transform(
    f"s3://{bucket}/batch-scores/rows/",
    content_type="text/csv",
    split_type="Line",
    input_filter="$[1:]",
    join_source="Input",
    output_filter="$[0,-1]",
    wait=True,
    logs=False,
)

scores = {}
for month in months:
    text = session.read_s3_file(bucket, f"batch-scores/scores/{month}.csv.out")
    scores.update((name, float(score)) for name, score in csv.reader(io.StringIO(text)))
print(f"\n{len(scores)} of {len(rest)} flights scored, from {len(months)} objects")
for name, score in sorted(scores.items(), key=lambda pair: -pair[1])[:3]:
    flight = rest[int(name.removeprefix("flight-"))]
    print(f"{name}: {score:.0%} sure to be late; {flight['origin']}-{flight['destination']}, {flight['delay']} minutes")
