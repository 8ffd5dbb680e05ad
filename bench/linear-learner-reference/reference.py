"""Reference side of the linear-learner benchmark.

Reads one JSON command per line, answers with one JSON line: `generate` writes the data, `round` reads the training file
with both readers and fits every model of a task once.
"""

import json
import sys
import time
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier, SGDRegressor

SEED = 20261120
HELD_OUT_ROWS = 200_000

# Settings are scikit-learn's own, with all cores where an estimator can use them. The data is standardised, as
# SGD wants it, so that no scaler has to be paid for.
MODELS = {
    "binary_classifier": {
        "SGDClassifier": lambda: SGDClassifier(loss="log_loss", random_state=0, n_jobs=-1),
        "LogisticRegression": lambda: LogisticRegression(),
        "LogisticRegression newton-cholesky": lambda: LogisticRegression(solver="newton-cholesky"),
    },
    "regressor": {
        "SGDRegressor": lambda: SGDRegressor(random_state=0),
        "Ridge": lambda: Ridge(),
    },
}


def draw(task, rows, width, rng):
    """Correlated standard normal features; a logistic or a linear response with noise."""
    mixing = np.random.default_rng(SEED).normal(size=(width, width)) * 0.15 + np.eye(width)
    mixing /= np.linalg.norm(mixing, axis=0)
    x = (rng.normal(size=(rows, width)) @ mixing).astype(np.float32)
    w = np.random.default_rng(SEED + 1).normal(size=width) / np.sqrt(width) * 2
    score = x @ w
    if task == "binary_classifier":
        y = rng.random(rows) < 1 / (1 + np.exp(-(score + 0.3)))
    else:
        y = 3 * score + 40 + rng.normal(size=rows) * 2
    return np.round(x, 6), np.round(y.astype(np.float64), 6)


def generate(task, rows, width, path, held_out):
    rng = np.random.default_rng(SEED + 2)
    x, y = draw(task, rows, width, rng)
    label = pa.array(y.astype(np.int8) if task == "binary_classifier" else y)
    columns = [label] + [pa.array(np.round(x[:, j].astype(np.float64), 6)) for j in range(width)]
    table = pa.table(columns, names=[f"c{j}" for j in range(width + 1)])
    pa.csv.write_csv(table, path, pa.csv.WriteOptions(include_header=False))
    x, y = draw(task, HELD_OUT_ROWS, width, rng)
    np.column_stack([y, x]).astype(np.float32).tofile(held_out)
    return {}


def read_pandas_c(path, width):
    frame = pd.read_csv(path, header=None, engine="c", dtype=np.float32)
    values = frame.to_numpy()
    return np.ascontiguousarray(values[:, 1:]), values[:, 0]


def read_pyarrow(path, width):
    names = [f"c{j}" for j in range(width + 1)]
    table = pa.csv.read_csv(
        path,
        read_options=pa.csv.ReadOptions(column_names=names, use_threads=True),
        convert_options=pa.csv.ConvertOptions(column_types={name: pa.float32() for name in names}),
    )
    x = np.empty((table.num_rows, width), dtype=np.float32)
    for j in range(width):
        x[:, j] = table.column(j + 1).to_numpy()
    return x, table.column(0).to_numpy()


def timed(action):
    start = time.perf_counter()
    result = action()
    return result, (time.perf_counter() - start) * 1000


def quality(task, model, held_out, width):
    data = np.fromfile(held_out, dtype=np.float32).reshape(-1, width + 1)
    answers = model.predict(data[:, 1:])
    if task == "binary_classifier":
        return float(np.mean(answers == data[:, 0]))
    return float(np.mean((answers - data[:, 0]) ** 2))


def round_of(task, path, held_out, width):
    _, pandas_c = timed(lambda: read_pandas_c(path, width))
    (x, y), arrow = timed(lambda: read_pyarrow(path, width))
    fits = {}
    for name, make in MODELS[task].items():
        model, millis = timed(lambda: make().fit(x, y))
        fits[name] = {"millis": millis, "quality": quality(task, model, held_out, width)}
    return {"readers": {"pandas C": pandas_c, "pyarrow": arrow}, "fits": fits}


def main():
    warnings.simplefilter("ignore", ConvergenceWarning)
    commands = {"generate": generate, "round": round_of}
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(commands[command.pop("do")](**command)), flush=True)


main()
