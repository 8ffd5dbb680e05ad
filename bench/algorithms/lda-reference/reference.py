"""Reference side of the lda benchmark: gensim and scikit-learn in a warm process.

One JSON command per line, one JSON line as answer: `generate` writes the data, `round` reads the file with each reader and
fits each model once, `quality` says how likely held-out words are under topics.
"""

import json
import os
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
from gensim.matutils import Sparse2Corpus
from gensim.models.ldamulticore import LdaMulticore
from scipy.sparse import csr_matrix
from sklearn.decomposition import LatentDirichletAllocation

SEED = 20261130
HELD_OUT = 1000
CORES = len(os.sched_getaffinity(0))


def gensim_model(passes):
    def fit(counts, topics):
        model = LdaMulticore(
            Sparse2Corpus(counts, documents_columns=False),
            num_topics=topics,
            id2word={word: str(word) for word in range(counts.shape[1])},
            workers=CORES,
            passes=passes,
            random_state=0,
        )
        return model.get_topics(), model.alpha

    return fit


def sklearn_model(method):
    def fit(counts, topics):
        model = LatentDirichletAllocation(topics, learning_method=method, n_jobs=CORES, random_state=0).fit(counts)
        return model.components_, np.full(topics, 1 / topics)

    return fit


MODELS = {
    "LdaMulticore, 1 pass": gensim_model(1),
    "LdaMulticore, 5 passes": gensim_model(5),
    "scikit-learn online": sklearn_model("online"),
    "scikit-learn batch": sklearn_model("batch"),
}


def generate(documents, vocabulary, topics, path):
    """Topics over words as rare as words are (Zipf), documents of 120 words on average and of few topics each."""
    rng = np.random.default_rng(SEED)
    frequency = 1 / (np.arange(vocabulary) + 10)
    beta = rng.dirichlet(200 * frequency / frequency.sum() + 1e-4, size=topics)
    lengths = np.clip(rng.lognormal(4.4, 0.8, size=documents + HELD_OUT), 10, 2000).astype(int)
    theta = rng.dirichlet(np.full(topics, 0.08), size=documents + HELD_OUT)
    counts = np.zeros((documents + HELD_OUT, vocabulary), dtype=np.int32)
    for d, length in enumerate(lengths):
        for topic, words in enumerate(rng.multinomial(length, theta[d])):
            if words > 0:
                counts[d] += rng.multinomial(words, beta[topic]).astype(np.int32)
    table = pa.table([pa.array(column) for column in counts[:documents].T], names=[f"w{j}" for j in range(vocabulary)])
    pa.csv.write_csv(table, path, pa.csv.WriteOptions(include_header=False))
    held = counts[documents:]
    seen = rng.binomial(held, 0.5)
    np.savez(path + ".npz", seen=seen.astype(np.float32), unseen=(held - seen).astype(np.float32))
    return {"words": int(counts.sum())}


def read_pandas(path):
    return csr_matrix(pd.read_csv(path, header=None, engine="c", dtype=np.float32).to_numpy())


def read_pyarrow(path):
    options = pa.csv.ReadOptions(autogenerate_column_names=True, block_size=1 << 24)
    table = pa.csv.read_csv(path, read_options=options)
    x = np.empty((table.num_rows, table.num_columns), dtype=np.float32)
    for j in range(table.num_columns):
        x[:, j] = table.column(j).to_numpy()
    return csr_matrix(x)


def timed(action):
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    return result, {"millis": (time.perf_counter() - wall) * 1000, "cpu": (time.process_time() - cpu) * 1000}


def held_out(path, beta, alpha):
    """Log probability of a held-out word by mean: half of each document's words say what it is about, for the other half."""
    beta = np.asarray(beta, dtype=np.float32) + 1e-12
    beta /= beta.sum(axis=1, keepdims=True)
    alpha = np.asarray(alpha, dtype=np.float32)
    halves = np.load(path + ".npz")
    seen, unseen = halves["seen"], halves["unseen"]
    theta = np.full((len(seen), len(beta)), 1 / len(beta), dtype=np.float32)
    for _ in range(50):
        theta = alpha + theta * ((seen / (theta @ beta)) @ beta.T)
        theta /= theta.sum(axis=1, keepdims=True)
    return float((unseen * np.log(theta @ beta)).sum(dtype=np.float64) / unseen.sum(dtype=np.float64))


def round_of(path, topics, models):
    counts, pandas_c = timed(lambda: read_pandas(path))
    _, arrow = timed(lambda: read_pyarrow(path))
    fits = {}
    for name in models:
        (beta, alpha), times = timed(lambda: MODELS[name](counts, topics))
        fits[name] = {**times, "pwll": held_out(path, beta, alpha)}
    return {"readers": {"pandas C": pandas_c, "pyarrow": arrow}, "fits": fits}


def quality(path, beta, alpha):
    return {"pwll": held_out(path, beta, alpha)}


def main():
    commands = {"generate": generate, "round": round_of, "quality": quality}
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(commands[command.pop("do")](**command)), flush=True)


if __name__ == "__main__":
    main()
