"""Will a flight be 15 minutes late or more? XGBoost on 20,000 flights of 2001 in the United States.

Run it in the clone's folder with `pip install "sagemaker<3"`, after `eval "$(sagebrush env --intercept)"`.
"""

import collections
import datetime
import json
import pathlib
import tempfile

import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

flights = json.loads(pathlib.Path("node_modules/vega-datasets/data/flights-20k.json").read_text())
# Every fifth flight is kept for the end, every fifth of the others for early stopping.
held_out = flights[::5]
others = [flight for i, flight in enumerate(flights) if i % 5]
validation, train = others[::5], [flight for i, flight in enumerate(others) if i % 5]


def is_late(flight):
    return int(flight["delay"] >= 15)


def late_shares(place):
    """How often flights of each airport are late, drawn towards the mean where there are few. Of the training rows only."""
    mean = sum(map(is_late, train)) / len(train)
    counts = collections.defaultdict(lambda: [20 * mean, 20])
    for flight in train:
        counts[flight[place]][0] += is_late(flight)
        counts[flight[place]][1] += 1
    return collections.defaultdict(lambda: mean, {name: late / total for name, (late, total) in counts.items()})


origins, destinations = late_shares("origin"), late_shares("destination")


def features(flight):
    when = datetime.datetime.fromisoformat(flight["date"].replace("/", "-"))
    places = [round(origins[flight["origin"]], 4), round(destinations[flight["destination"]], 4)]
    return [when.month, when.day, when.weekday(), when.hour + when.minute / 60, flight["distance"], *places]


def auc(scores, labels):
    """Chance that a late flight has a higher score than one that is not."""
    ranked = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = sum(rank for rank, i in enumerate(ranked, 1) if labels[i])
    late = sum(labels)
    return (ranks - late * (late + 1) / 2) / (late * (len(labels) - late))


session = sagemaker.Session()


def upload(name, part):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, f"{name}.csv")
        path.write_text("".join(",".join(map(str, [is_late(f), *features(f)])) + "\n" for f in part))
        uri = session.upload_data(str(path), key_prefix=f"late-flights/{name}")
    return TrainingInput(uri, content_type="text/csv")


estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5"),
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters=dict(
        objective="binary:logistic",
        eval_metric="auc",
        num_round=200,
        early_stopping_rounds=20,
        eta=0.1,
        max_depth=5,
        subsample=0.8,
        seed=1,
    ),
)
estimator.fit({"train": upload("train", train), "validation": upload("validation", validation)})

predictor = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer())
scores = [float(row[0]) for row in predictor.predict([features(flight) for flight in held_out])]
predictor.delete_endpoint()

labels = [is_late(flight) for flight in held_out]
print(f"{sum(labels)} of {len(labels)} flights were late; area under the curve {auc(scores, labels):.3f}")
surest = sorted(zip(scores, held_out), key=lambda pair: -pair[0])[:5]
for score, flight in surest:
    print(f"{flight['date']} {flight['origin']}-{flight['destination']}: {score:.0%} sure, {flight['delay']} minutes late")
