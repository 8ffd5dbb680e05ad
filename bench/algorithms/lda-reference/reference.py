"""Reference side of the lda benchmark: gensim and scikit-learn in a warm process.

One JSON command per line, one JSON line as answer: `generate` writes the data, `round` reads the file with each reader and
fits each model once, `quality` says how likely held-out words are under topics.
"""

import os

import numpy as np
import pyarrow as pa
import pyarrow.csv
from gensim.matutils import Sparse2Corpus
from gensim.models.ldamulticore import LdaMulticore
from scipy.sparse import csr_matrix
from sklearn.decomposition import LatentDirichletAllocation

from reference_side import answer, read_pandas, read_pyarrow, timed

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
    counts, pandas_c = timed(lambda: csr_matrix(read_pandas(path)))
    _, arrow = timed(lambda: csr_matrix(read_pyarrow(path, 1 << 24)))
    fits = {}
    for name in models:
        (beta, alpha), times = timed(lambda: MODELS[name](counts, topics))
        fits[name] = {**times, "pwll": held_out(path, beta, alpha)}
    return {"readers": {"pandas C": pandas_c, "pyarrow": arrow}, "fits": fits}


def quality(path, beta, alpha):
    return {"pwll": held_out(path, beta, alpha)}


if __name__ == "__main__":
    answer({"generate": generate, "round": round_of, "quality": quality})
