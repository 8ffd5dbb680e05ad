"""Film ratings: how will an audience like a film, by its director, genre, source and distributor?

Factorization machines on rows that are nearly all zeros: each film is a handful of ones among hundreds of columns. Run in
the clone's folder, with `eval "$(sagebrush env --intercept)"` and `pip install "sagemaker<3" scipy`. The films are in the
npm package vega-datasets; set-up has installed that.
"""

import io
import json
from collections import Counter

import numpy
import sagemaker
from sagemaker.amazon.amazon_estimator import RecordSet
from sagemaker.amazon.common import write_spmatrix_to_sparse_tensor
from sagemaker.deserializers import JSONDeserializer
from sagemaker.serializers import JSONSerializer
from scipy.sparse import csr_matrix

FIELDS = ("Director", "Major Genre", "Distributor", "Source", "Creative Type", "MPAA Rating")

with open("node_modules/vega-datasets/data/movies.json") as file:
    films = [film for film in json.load(file) if film["IMDB Rating"] and film["IMDB Votes"] >= 5000]


def words(film):
    return [f"{field}: {film[field]}" for field in FIELDS if film.get(field)]


seen = Counter(word for film in films for word in words(film))
columns = {word: j for j, word in enumerate(sorted(word for word, count in seen.items() if count > 2))}


def keys(film):
    return sorted(columns[word] for word in words(film) if word in columns)


order = numpy.random.default_rng(4).permutation(len(films))
train, held_out = (numpy.array(films)[part] for part in numpy.split(order, [len(films) * 4 // 5]))
average = numpy.mean([film["IMDB Rating"] for film in train])

session = sagemaker.Session()


def upload(some, channel):
    """Sparse RecordIO-protobuf, as the SDK writes it, and what the SDK wants to know of it."""
    rows = [keys(film) for film in some]
    offsets = numpy.cumsum([0, *map(len, rows)])
    ones = numpy.ones(offsets[-1], dtype="float32")
    matrix = csr_matrix((ones, numpy.concatenate(rows), offsets), shape=(len(rows), len(columns)))
    # Around the average, so that the machine learns what makes a film better or worse.
    labels = numpy.array([film["IMDB Rating"] - average for film in some], dtype="float32")
    content = io.BytesIO()
    write_spmatrix_to_sparse_tensor(content, matrix, labels)
    content.seek(0)
    bucket, key = session.default_bucket(), f"film-ratings/{channel}/films.pbr"
    session.boto_session.client("s3").upload_fileobj(content, bucket, key)
    return RecordSet(f"s3://{bucket}/{key}", len(rows), len(columns), s3_data_type="S3Prefix", channel=channel)


machine = sagemaker.FactorizationMachines(
    role=sagemaker.get_execution_role(), instance_count=1, instance_type="ml.m5.large",
    predictor_type="regressor", num_factors=4, epochs=50,
    linear_lr=0.003, linear_wd=0.02, factors_lr=0.005, factors_wd=0.1, factors_init_sigma=0.05,
)
machine.fit([upload(train, "train"), upload(held_out, "test")], mini_batch_size=20)
predictor = machine.deploy(1, "ml.m5.large", serializer=JSONSerializer(), deserializer=JSONDeserializer())


def rate(some):
    instances = [
        {"data": {"features": {"keys": keys(film), "shape": [len(columns)], "values": [1] * len(keys(film))}}}
        for film in some
    ]
    return [average + each["score"] for each in predictor.predict({"instances": instances})["predictions"]]


actual = numpy.array([film["IMDB Rating"] for film in held_out])
error = numpy.sqrt(numpy.mean((numpy.array(rate(held_out)) - actual) ** 2))
print()
print(f"{len(train)} films to learn from, {len(columns)} columns")
print(f"error on {len(held_out)} films never seen: {error:.2f} points; always saying {average:.1f}: {numpy.std(actual):.2f}")
imagined = {"Major Genre": "Drama", "Source": "Based on Book/Short Story", "Director": "Martin Scorsese"}
sequel = {"Major Genre": "Horror", "Source": "Original Screenplay", "MPAA Rating": "PG-13"}
for name, rating in zip(("a novel filmed by Martin Scorsese", "a PG-13 horror film"), rate([imagined, sequel])):
    print(f"{name}: {rating:.1f}")
predictor.delete_endpoint()
