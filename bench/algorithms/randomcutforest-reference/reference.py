"""Reference side of the randomcutforest benchmark: scikit-learn's IsolationForest and AWS's own library in a warm process.

One JSON command per line, one JSON line as answer: `generate` writes the data, `round` reads the file with each reader and
grows each forest once, `quality` measures scores of the held-out rows.
"""

import krcf
import numpy as np
import pyarrow as pa
import pyarrow.csv
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

from reference_side import answer, read_pandas, read_pyarrow, timed

SEED = 20261130
HELD_OUT = 20_000


def rows_of(rng, count, width):
    """Five clusters, each with a shape of its own; one row in 256 is anywhere in the box around them."""
    centres = np.random.default_rng(SEED).normal(size=(5, width)) * 4
    shapes = np.random.default_rng(SEED + 1).normal(size=(5, width, width)) / np.sqrt(width)
    cluster = rng.integers(5, size=count)
    x = np.empty((count, width))
    noise = rng.normal(size=(count, width))
    for k in range(5):
        x[cluster == k] = centres[k] + noise[cluster == k] @ shapes[k]
    odd = rng.random(count) < 1 / 256
    x[odd] = rng.uniform(-9, 9, size=(odd.sum(), width))
    return np.round(x, 6), odd.astype(int)


def generate(rows, width, path):
    x, _ = rows_of(np.random.default_rng(SEED + 2), rows, width)
    table = pa.table([pa.array(column) for column in x.T], names=[f"c{j}" for j in range(width)])
    pa.csv.write_csv(table, path, pa.csv.WriteOptions(include_header=False))
    held, labels = rows_of(np.random.default_rng(SEED + 3), HELD_OUT, width)
    np.savez(path + ".npz", x=held.astype(np.float32), labels=labels)
    return {"held": held.tolist()}


def isolation_forest(x, trees, samples):
    # Settings of its own: no share of anomalies is given, so that fitting scores nothing.
    return IsolationForest(n_estimators=trees, max_samples=samples, n_jobs=-1, random_state=0).fit(x)


def random_cut_forest(x, trees, samples):
    options = {"dimensions": x.shape[1], "shingle_size": 1, "num_trees": trees, "sample_size": samples}
    forest = krcf.RandomCutForest({**options, "output_after": 1, "random_seed": 1, "parallel_execution_enabled": True})
    for row in x:
        forest.update(row)
    return forest


def round_of(path, trees, samples, streamed):
    _, pandas_c = timed(lambda: read_pandas(path))
    x, arrow = timed(lambda: read_pyarrow(path))
    held = np.load(path + ".npz")
    isolation, isolation_times = timed(lambda: isolation_forest(x, trees, samples))
    # It takes every row into every tree in turn, so that time goes with the number of rows.
    part = x[np.random.default_rng(0).choice(len(x), min(streamed, len(x)), replace=False)]
    cut, cut_times = timed(lambda: random_cut_forest(part, trees, samples))
    scale = len(x) / len(part)
    few = slice(0, 4000)
    return {
        "readers": {"pandas C": pandas_c, "pyarrow": arrow},
        "fits": {
            "IsolationForest": {
                **isolation_times,
                "auc": roc_auc_score(held["labels"], -isolation.score_samples(held["x"])),
            },
            "krcf": {
                "millis": cut_times["millis"] * scale,
                "cpu": cut_times["cpu"] * scale,
                "auc": roc_auc_score(held["labels"][few], [cut.score(row) for row in held["x"][few]]),
            },
        },
    }


def quality(path, scores):
    return {"auc": roc_auc_score(np.load(path + ".npz")["labels"], scores)}


answer({"generate": generate, "round": round_of, "quality": quality})
