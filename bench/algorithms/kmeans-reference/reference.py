"""Reference side of the kmeans benchmark: scikit-learn in a warm process.

One JSON command per line, one JSON line as answer: `generate` writes the data, `round` reads the file with each reader and
fits each estimator once, `quality` measures centres on all rows.
"""

import numpy as np
import pyarrow as pa
import pyarrow.csv
from sklearn.cluster import KMeans, MiniBatchKMeans

from reference_side import answer, read_pandas, read_pyarrow, timed

SEED = 20261130
# scikit-learn's own settings, all cores.
ESTIMATORS = {
    "KMeans": lambda k: KMeans(k, random_state=0),
    "MiniBatchKMeans": lambda k: MiniBatchKMeans(k, random_state=0),
}


def generate(rows, width, path):
    """A hundred clusters of different size and width that overlap, in ten groups: something to find for k = 10 and 100."""
    rng = np.random.default_rng(SEED)
    groups = rng.normal(size=(10, width)) * 2
    centres = groups[np.arange(100) % 10] + rng.normal(size=(100, width))
    cluster = rng.choice(100, size=rows, p=rng.dirichlet(np.full(100, 3.0)))
    spread = rng.uniform(0.5, 1.2, size=(100, 1))[cluster]
    x = np.round(centres[cluster] + rng.normal(size=(rows, width)) * spread, 6)
    table = pa.table([pa.array(column) for column in x.T], names=[f"c{j}" for j in range(width)])
    pa.csv.write_csv(table, path, pa.csv.WriteOptions(include_header=False))
    np.save(path + ".npy", x.astype(np.float32))
    return {}


def msd(x, centres):
    total = 0.0
    for rows in np.array_split(x, max(1, len(x) // 20_000)):
        squares = (rows**2).sum(axis=1)[:, None] - 2 * rows @ centres.T + (centres**2).sum(axis=1)[None]
        total += float(squares.min(axis=1).sum(dtype=np.float64))
    return total / len(x)


def round_of(path, k, estimators):
    _, pandas_c = timed(lambda: read_pandas(path))
    x, arrow = timed(lambda: read_pyarrow(path))
    fits = {}
    for name in estimators:
        model, times = timed(lambda: ESTIMATORS[name](k).fit(x))
        fits[name] = {**times, "msd": msd(x, model.cluster_centers_)}
    return {"readers": {"pandas C": pandas_c, "pyarrow": arrow}, "fits": fits}


def quality(path, centres):
    return {"msd": msd(np.load(path + ".npy"), np.array(centres, dtype=np.float32))}


answer({"generate": generate, "round": round_of, "quality": quality})
