"""Reference side of the pca benchmark: scikit-learn in a warm process.

One JSON command per line, one JSON line as answer: `generate` writes the data, `round` reads the file with each reader and
fits each solver once, `quality` says which share of the variance components explain.
"""

import numpy as np
import pyarrow as pa
import pyarrow.csv
from sklearn.decomposition import PCA

from reference_side import answer, read_pandas, read_pyarrow, timed

SEED = 20261130


def generate(rows, width, path):
    """A tenth as many causes as features, ever weaker, and noise: something to find and something to leave out."""
    rng = np.random.default_rng(SEED)
    causes = max(15, width // 10)
    weights = rng.normal(size=(causes, width)) * (0.85 ** np.arange(causes))[:, None]
    with open(path, "wb") as file:
        kept = []
        for count in np.diff(np.r_[np.arange(0, rows, 20_000), rows]):
            x = rng.normal(size=(count, causes)) @ weights + rng.normal(size=(count, width)) * 0.3
            x = np.round(x + 3, 6)
            table = pa.table([pa.array(column) for column in x.T], names=[f"c{j}" for j in range(width)])
            pa.csv.write_csv(table, file, pa.csv.WriteOptions(include_header=False))
            kept.append(x.astype(np.float32))
    np.save(path + ".npy", np.concatenate(kept))
    return {}


def explained(x, components):
    """Share of the variance that the span of the components has, summed up in double precision."""
    mean = x.mean(axis=0, dtype=np.float64)
    basis, _ = np.linalg.qr(np.asarray(components, dtype=np.float64).T)
    total = inside = 0.0
    for rows in np.array_split(x, max(1, len(x) // 20_000)):
        centred = rows - mean
        total += float((centred**2).sum())
        inside += float(((centred @ basis) ** 2).sum())
    return inside / total


def round_of(path, count, solvers):
    _, pandas_c = timed(lambda: read_pandas(path))
    x, arrow = timed(lambda: read_pyarrow(path))
    fits = {}
    for solver in solvers:
        model, times = timed(lambda: PCA(count, svd_solver=solver, random_state=0).fit(x))
        fits[solver] = {**times, "explained": explained(x, model.components_)}
    return {"readers": {"pandas C": pandas_c, "pyarrow": arrow}, "fits": fits}


def quality(path, components):
    return {"explained": explained(np.load(path + ".npy"), components)}


answer({"generate": generate, "round": round_of, "quality": quality})
