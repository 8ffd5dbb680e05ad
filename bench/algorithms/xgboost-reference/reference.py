"""Reference side of the XGBoost benchmark: Python's xgboost of the same version, in a warm process.

One JSON command per line, one JSON line as answer: `generate` writes the data, `round` reads the file with each reader and
trains once, `quality` measures a saved model on held-out rows.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import xgboost

SEED = 20261130


def synthetic(rows, width=28):
    rng = np.random.default_rng(SEED)
    x = np.round(rng.normal(size=(rows + 100_000, width)), 6)
    score = x[:, 0] + x[:, 1] * x[:, 2] + np.sin(2 * x[:, 3]) - np.abs(x[:, 4]) + 0.5 * x[:, 5:10].sum(axis=1)
    y = (score + rng.normal(size=len(score)) > -0.5).astype(np.int8)
    return x, y


def flights(source, rows):
    """Parts of the date, the distance, and how often flights from and to an airport are late, learned on the training rows."""
    table = pa.parquet.read_table(source).to_pandas()
    if rows < len(table):
        table = table.sample(rows, random_state=SEED)
    when = table["date"]
    late = (table["delay"] >= 15).to_numpy().astype(np.int8)
    held_out = np.random.default_rng(SEED).random(len(table)) < 1 / 30
    columns = [when.dt.month, when.dt.day, when.dt.day_of_week, when.dt.hour, when.dt.minute, table["distance"]]
    columns = [np.asarray(each, dtype=float) for each in columns]
    for place in ("origin", "destination"):
        known = pd.DataFrame({"place": table[place].astype(str), "late": late})
        share = known[~held_out].groupby("place")["late"].mean()
        columns.append(np.round(known["place"].map(share).fillna(late.mean()).to_numpy(), 6))
    x = np.column_stack(columns)
    order = np.argsort(held_out, kind="stable")  # held-out rows come last
    return x[order], late[order], int(held_out.sum())


def write(x, y, held, path):
    table = pa.table([pa.array(y)] + [pa.array(column) for column in x.T], names=[f"c{i}" for i in range(x.shape[1] + 1)])
    train = table.slice(0, len(y) - held)
    pa.csv.write_csv(train, path + ".csv", pa.csv.WriteOptions(include_header=False))
    pa.parquet.write_table(train, path + ".parquet")
    np.savez(path + ".npz", x=x[-held:].astype(np.float32), y=y[-held:])
    return {"rows": train.num_rows, "columns": x.shape[1]}


def read_pandas(path):
    frame = pd.read_csv(path, header=None, dtype=np.float32)
    return frame.iloc[:, 1:].to_numpy(), frame.iloc[:, 0].to_numpy()


def read_pyarrow(path):
    options = pa.csv.ReadOptions(autogenerate_column_names=True)
    return columns_of(pa.csv.read_csv(path, read_options=options))


def read_parquet(path):
    return columns_of(pa.parquet.read_table(path))


def columns_of(table):
    x = np.empty((table.num_rows, table.num_columns - 1), dtype=np.float32)
    for i in range(1, table.num_columns):
        x[:, i - 1] = table.column(i).to_numpy()
    return x, table.column(0).to_numpy().astype(np.float32)


READERS = {"csv": {"pandas": read_pandas, "pyarrow": read_pyarrow}, "parquet": {"pyarrow": read_parquet}}
MATRICES = {"DMatrix": xgboost.DMatrix, "QuantileDMatrix": xgboost.QuantileDMatrix}


def run(path, format, parameters, rounds, model):
    readers = {}
    for name, read in READERS[format].items():
        began = time.perf_counter()
        x, y = read(path)
        readers[name] = (time.perf_counter() - began) * 1000
    fits = {}
    for name, matrix in MATRICES.items():
        began = time.perf_counter()
        data = matrix(x, y)
        # The service's container watches the training rows in every job, and so do we.
        booster = xgboost.train(parameters, data, rounds, evals=[(data, "train")], verbose_eval=False)
        booster.save_model(model)
        fits[name] = (time.perf_counter() - began) * 1000
    return {"readers": readers, "fits": fits}


def quality(path, model):
    data = np.load(path + ".npz")
    booster = xgboost.Booster(model_file=model)
    p = np.clip(booster.predict(xgboost.DMatrix(data["x"])), 1e-7, 1 - 1e-7)
    y = data["y"]
    return {"logloss": float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))}


for line in sys.stdin:
    command = json.loads(line)
    do = command.pop("do")
    if do == "generate":
        made = synthetic(command["rows"]) + (100_000,) if command["data"] == "synthetic" else flights(command["source"], 3 * command["rows"])
        answer = write(*made, command["path"])
    elif do == "round":
        answer = run(**command)
    else:
        answer = quality(**command)
    print(json.dumps(answer), flush=True)
