"""Reference side of the batch benchmark: Python's xgboost reads the same CSV and predicts it, in a warm process.

One JSON command per line, one JSON line as answer: `generate` writes the rows and a model, `round` reads and predicts them with
each reader and stores the predictions, `compare` holds another output against them.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import xgboost

SEED = 20261130
WIDTH = 28


def generate(rows, csv, model):
    rng = np.random.default_rng(SEED)
    x = np.round(rng.normal(size=(rows, WIDTH)), 6)
    train = x[:50_000]
    y = (train[:, 0] + train[:, 1] * train[:, 2] + np.sin(2 * train[:, 3]) + rng.normal(size=len(train)) > 0).astype(np.int8)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 6, "tree_method": "hist"}, xgboost.DMatrix(train, y), 100)
    booster.save_model(model)
    table = pa.table({f"c{i}": column for i, column in enumerate(x.T)})
    pa.csv.write_csv(table, csv, pa.csv.WriteOptions(include_header=False))
    return {"rows": rows}


def read_pandas(path):
    return pd.read_csv(path, header=None, dtype=np.float32).to_numpy()


def read_pyarrow(path):
    table = pa.csv.read_csv(path, read_options=pa.csv.ReadOptions(autogenerate_column_names=True))
    x = np.empty((table.num_rows, table.num_columns), dtype=np.float32)
    for i in range(table.num_columns):
        x[:, i] = table.column(i).to_numpy()
    return x


def run(csv, model, output):
    booster = xgboost.Booster(model_file=model)
    times = {}
    for reader, read in {"pandas": read_pandas, "pyarrow": read_pyarrow}.items():
        for way in ("DMatrix", "inplace_predict"):
            began = time.perf_counter()
            x = read(csv)
            p = booster.predict(xgboost.DMatrix(x)) if way == "DMatrix" else booster.inplace_predict(x)
            times[f"{reader} reader, {way}"] = (time.perf_counter() - began) * 1000
            began = time.perf_counter()
            with open(output, "w") as file:
                file.write("\n".join(map(repr, p.tolist())))
            times[f"{reader} reader, {way}, written"] = times[f"{reader} reader, {way}"] + (time.perf_counter() - began) * 1000
    np.save(output + ".npy", p)
    return times


def compare(output, other):
    ours = np.array([float(line) for line in open(other)], dtype=np.float32)
    theirs = np.load(output + ".npy")
    if len(ours) != len(theirs):
        return {"rows": len(ours), "difference": 1}
    return {"rows": len(ours), "difference": float(np.max(np.abs(ours - theirs) / np.abs(theirs)))}


for line in sys.stdin:
    command = json.loads(line)
    do = command.pop("do")
    print(json.dumps({"generate": generate, "round": run, "compare": compare}[do](**command)), flush=True)
