"""Reference side of the knn benchmark: FAISS in a warm process, on all cores.

One JSON command per line, one JSON line as answer: `generate` writes the data, `round` reads the files with each reader,
builds and writes an index and searches it once, `probes` opens a model's index and says how many lists must be looked into.
"""

import os

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.csv

from reference_side import answer, read_pandas, read_pyarrow, timed

SEED = 20261130
CLASSES = 20
PROBES = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 128, 256)


def generate(rows, queries, width, path, test):
    """Two hundred clusters that overlap, each spread over directions of its own, and a fifth of the labels wrong."""
    rng = np.random.default_rng(SEED)
    centres = rng.normal(size=(200, width))
    directions = rng.normal(size=(200, 16, width)) / 2.5
    labels = rng.integers(0, CLASSES, size=200)
    for count, file in ((rows, path), (queries, test)):
        cluster = rng.integers(0, 200, size=count)
        latent = rng.normal(size=(count, 16))
        x = centres[cluster] + np.einsum("nl,nlw->nw", latent, directions[cluster])
        x = np.round(x + 0.1 * rng.normal(size=x.shape), 6)
        noisy = np.where(rng.random(count) < 0.2, rng.integers(0, CLASSES, size=count), labels[cluster])
        columns = [pa.array(noisy)] + [pa.array(column) for column in x.T]
        table = pa.table(columns, names=[f"c{j}" for j in range(width + 1)])
        pa.csv.write_csv(table, file, pa.csv.WriteOptions(include_header=False))
        np.save(file + ".npy", x.astype(np.float32))
    return {}


def build(x, kind, lists, probes):
    if kind == "faiss.Flat":
        index = faiss.IndexFlatL2(x.shape[1])
    else:
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(x.shape[1]), x.shape[1], lists)
        index.train(x)
        index.nprobe = probes
    index.add(x)
    return index


def exact(path, test, k):
    """What a flat index finds, once for all rounds."""
    file = f"{test}.{k}.exact.npy"
    if not os.path.exists(file):
        index = faiss.IndexFlatL2(np.load(path + ".npy").shape[1])
        index.add(np.load(path + ".npy"))
        np.save(file, index.search(np.load(test + ".npy"), k)[1])
    return np.load(file)


def recall(found, wanted):
    return float(np.mean([len(np.intersect1d(a, b)) / len(b) for a, b in zip(found, wanted)]))


def fewest_probes(index, path, test, k, wanted):
    """The fewest lists with which a search finds enough of the true neighbours."""
    for probes in PROBES:
        index.nprobe = probes
        found = recall(index.search(np.load(test + ".npy"), k)[1], exact(path, test, k))
        if found >= wanted:
            break
    return {"probes": probes, "recall": found}


def probes_of(model, path, test, k, wanted):
    return fewest_probes(faiss.read_index(model), path, test, k, wanted)


def own_probes(path, test, k, wanted, lists):
    return fewest_probes(build(np.load(path + ".npy"), "faiss.IVFFlat", lists, 1), path, test, k, wanted)


def score(labels, ids, truth):
    votes = labels[ids].astype(np.int64)
    counts = np.zeros((len(ids), CLASSES), dtype=np.int32)
    for column in votes.T:
        counts[np.arange(len(ids)), column] += 1
    return float((counts.argmax(axis=1) == truth).mean())


def round_of(path, test, kind, k, lists, probes):
    _, pandas_c = timed(lambda: (read_pandas(path), read_pandas(test)))
    (train, held_out), arrow = timed(lambda: (read_pyarrow(path), read_pyarrow(test)))
    labels, x = train[:, 0].copy(), np.ascontiguousarray(train[:, 1:])
    truth, queries = held_out[:, 0].copy(), np.ascontiguousarray(held_out[:, 1:])

    def fit():
        index = build(x, kind, lists, probes)
        faiss.write_index(index, path + ".index")
        labels.tofile(path + ".labels")
        return index

    index, fitted = timed(fit)
    (_, ids), searched = timed(lambda: index.search(queries, k))
    accuracy, voted = timed(lambda: score(labels, ids, truth))
    faiss.omp_set_num_threads(1)
    _, one = timed(lambda: [index.search(queries[i : i + 1], k) for i in range(200)])
    faiss.omp_set_num_threads(os.cpu_count())
    return {
        "readers": {"pandas C": pandas_c, "pyarrow": arrow},
        "fit": fitted,
        "search": searched,
        "vote": voted,
        "one": {name: value / 200 for name, value in one.items()},
        "accuracy": accuracy,
        "recall": recall(ids, exact(path, test, k)),
    }


answer({"generate": generate, "round": round_of, "probes": probes_of, "own_probes": own_probes})
