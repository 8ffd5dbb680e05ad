"""Reference side of the factorization-machines benchmark, in a warm process.

libFM and xLearn are in no registry that installs here, and fastFM builds on no Python of today. Two stand for them: the
same model with AdaGrad for every row, compiled by Numba, all cores on one set of weights without locks (which is what
xLearn does), and myFM, which is libFM's Gibbs sampler.

One JSON command per line, one JSON line as answer: `generate` writes the data in each side's format, `round` reads and
fits, `quality` measures a model on rows that nobody trained on.
"""

import json
import math
import sys
import time
import zipfile

import numba
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from scipy.sparse import csr_matrix
from sklearn.datasets import load_svmlight_file

SEED = 20261130
FIELDS = 20
HELD_OUT = 100_000


def generate(rows, width, path):
    """Clicks: twenty fields of one category each, frequencies as of words; who likes what is in pairs of categories."""
    rng = np.random.default_rng(SEED)
    sizes = np.maximum(2, (width * np.array([0.4, 0.25, 0.12] + [0.23 / 17] * 17)).astype(np.int64))
    sizes[0] += width - sizes.sum()
    starts = np.cumsum([0, *sizes[:-1]])
    total = rows + HELD_OUT
    columns = np.empty((total, FIELDS), np.uint32)
    for f, (start, size) in enumerate(zip(starts, sizes)):
        weights = 1 / (np.arange(size) + 10.0)
        drawn = np.searchsorted(np.cumsum(weights / weights.sum()), rng.random(total))
        columns[:, f] = start + rng.permutation(size)[np.minimum(drawn, size - 1)]
    linear = rng.normal(scale=0.15, size=width)
    factors = rng.normal(scale=0.2, size=(width, 4))
    score = np.full(total, -0.5)
    for some in np.array_split(np.arange(total), max(1, total // 50_000)):
        v = factors[columns[some]]
        score[some] += linear[columns[some]].sum(axis=1)
        score[some] += 0.5 * ((v.sum(axis=1) ** 2) - (v**2).sum(axis=1)).sum(axis=1)
    labels = (rng.random(total) < 1 / (1 + np.exp(-score))).astype(np.float32)
    best = float(np.mean(np.logaddexp(0, np.where(labels[rows:] == 1, -score[rows:], score[rows:]))))
    np.savez(path + ".held-out.npz", columns=columns[rows:], labels=labels[rows:])
    columns, labels = columns[:rows], labels[:rows]
    write_recordio(path + ".pbr", columns, labels, width)
    write_libsvm(path + ".libsvm", columns, labels)
    ones = np.ones(columns.size, np.float32)
    offsets = pa.array(np.arange(0, columns.size + 1, FIELDS, dtype=np.int32))
    lists = [pa.ListArray.from_arrays(offsets, pa.array(part)) for part in (columns.ravel(), ones)]
    pa.parquet.write_table(pa.table([pa.array(labels), *lists], names=["label", "columns", "values"]), path + ".parquet")
    return {"best": best}


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_recordio(path, columns, labels, width):
    """Sparse records as the SDK's write_spmatrix_to_sparse_tensor has them."""
    field = lambda tag, content: bytes([tag]) + varint(len(content)) + content
    keyed = lambda tag, tensor: field(tag, field(0x0A, b"values") + field(0x12, field(0x12, tensor)))
    texts = [varint(j) for j in range(width)]
    ones = field(0x0A, np.ones(FIELDS, "<f4").tobytes())
    shape = field(0x1A, varint(width))
    label = {y: keyed(0x12, field(0x0A, np.float32(y).tobytes())) for y in (0.0, 1.0)}
    with open(path, "wb") as file:
        for row, y in zip(columns.tolist(), labels.tolist()):
            payload = keyed(0x0A, ones + field(0x12, b"".join([texts[j] for j in sorted(row)])) + shape) + label[y]
            padded = payload + b"\0" * (-len(payload) % 4)
            file.write(b"\x0a\x23\xd7\xce" + len(payload).to_bytes(4, "little") + padded)


def write_libsvm(path, columns, labels):
    with open(path, "w") as file:
        for row, y in zip(columns.tolist(), labels.tolist()):
            file.write(f"{int(y)} {' '.join([f'{j}:1' for j in sorted(row)])}\n")


def read_libsvm(path, width):
    x, y = load_svmlight_file(path + ".libsvm", n_features=width, dtype=np.float32, zero_based=True)
    return x.indptr.astype(np.int64), x.indices.astype(np.uint32), x.data, y.astype(np.float32)


def read_parquet(path, width):
    table = pa.parquet.read_table(path + ".parquet").combine_chunks()
    columns, values = (table.column(name).chunk(0) for name in ("columns", "values"))
    return (
        columns.offsets.to_numpy().astype(np.int64), columns.flatten().to_numpy(), values.flatten().to_numpy(),
        table.column("label").to_numpy(),
    )


@numba.njit(parallel=True, fastmath=True, nogil=True)
def adagrad(offsets, columns, values, labels, bias, linear, factors, squares, rate, decay, epochs, threads):
    """One pass a row at a time, threads side by side on the same weights."""
    rows, k = len(labels), factors.shape[1]
    linear_squares, factor_squares, bias_squares = squares
    for _ in range(epochs):
        for thread in numba.prange(threads):
            sums = np.empty(k, np.float32)
            for i in range(rows * thread // threads, rows * (thread + 1) // threads):
                score = bias[0]
                own = np.float32(0)
                sums[:] = 0
                for e in range(offsets[i], offsets[i + 1]):
                    j, x = columns[e], values[e]
                    score += linear[j] * x
                    for f in range(k):
                        product = factors[j, f] * x
                        sums[f] += product
                        own += product * product
                pairs = np.float32(0)
                for f in range(k):
                    pairs += sums[f] * sums[f]
                slope = np.float32(1 / (1 + math.exp(-(score + (pairs - own) * np.float32(0.5)))) - labels[i])
                bias_squares[0] += slope * slope
                bias[0] -= rate * slope / math.sqrt(bias_squares[0])
                for e in range(offsets[i], offsets[i + 1]):
                    j, x = columns[e], values[e]
                    g = slope * x + decay * linear[j]
                    linear_squares[j] += g * g
                    linear[j] -= rate * g / math.sqrt(linear_squares[j])
                    for f in range(k):
                        g = slope * x * (sums[f] - factors[j, f] * x) + decay * factors[j, f]
                        factor_squares[j, f] += g * g
                        factors[j, f] -= rate * g / math.sqrt(factor_squares[j, f])


def fit_adagrad(data, width, k, given):
    rng = np.random.default_rng(0)
    bias, linear = np.zeros(1, np.float32), np.zeros(width, np.float32)
    factors = rng.normal(scale=given["sigma"], size=(width, k)).astype(np.float32)
    squares = tuple(np.ones_like(part) for part in (linear, factors, bias))
    rate, decay = np.float32(given["rate"]), np.float32(given["decay"])
    adagrad(*data, bias, linear, factors, squares, rate, decay, given["epochs"], numba.get_num_threads())
    return float(bias[0]), linear, factors


def fit_myfm(data, width, k, given):
    from myfm import MyFMClassifier

    offsets, columns, values, labels = data
    x = csr_matrix((values.astype(np.float64), columns.astype(np.int32), offsets), shape=(len(labels), width))
    return MyFMClassifier(rank=k, random_seed=0).fit(x, labels, n_iter=given["iterations"], n_kept_samples=given["kept"])


def round_of(path, width, k, given, estimators):
    readers = {}
    for name, read in (("svmlight", read_libsvm), ("pyarrow Parquet", read_parquet)):
        started = time.perf_counter()
        data = read(path, width)
        readers[name] = {"millis": (time.perf_counter() - started) * 1000}
    fits = {}
    if "AdaGrad" in estimators:
        tiny = (data[0][:101], data[1][: data[0][100]], data[2][: data[0][100]], data[3][:100])
        fit_adagrad(tiny, width, k, given["AdaGrad"])  # Numba compiles on the first call
        started = time.perf_counter()
        model = fit_adagrad(data, width, k, given["AdaGrad"])
        np.savez(path + ".reference.npz", bias=model[0], linear=model[1], factors=model[2])
        fits["AdaGrad"] = {"millis": (time.perf_counter() - started) * 1000, "loss": loss_of(path, *model)}
    if "myFM" in estimators:
        started = time.perf_counter()
        model = fit_myfm(data, width, k, given["myFM"])
        millis = (time.perf_counter() - started) * 1000
        held = np.load(path + ".held-out.npz")
        columns, labels = held["columns"], held["labels"]
        x = csr_matrix((np.ones(columns.size), columns.ravel().astype(np.int32), np.arange(0, columns.size + 1, FIELDS)),
                       shape=(len(labels), width))
        probability = np.clip(model.predict_proba(x), 1e-9, 1 - 1e-9)
        fits["myFM"] = {
            "millis": millis, "loss": float(-np.mean(np.log(np.where(labels == 1, probability, 1 - probability)))),
        }
    return {"readers": readers, "fits": fits}


def loss_of(path, bias, linear, factors):
    """Mean cross entropy of the held-out rows."""
    held = np.load(path + ".held-out.npz")
    columns, labels = held["columns"], held["labels"]
    total = 0.0
    for some in np.array_split(np.arange(len(labels)), 20):
        v = factors[columns[some]].astype(np.float64)
        score = bias + linear[columns[some]].astype(np.float64).sum(axis=1)
        score += 0.5 * (v.sum(axis=1) ** 2 - (v**2).sum(axis=1)).sum(axis=1)
        total += float(np.logaddexp(0, np.where(labels[some] == 1, -score, score)).sum())
    return total / len(labels)


def quality(path, model):
    """The loss of a model_algo-1 of ours, read as MXNet's format has it."""
    at = 24
    bytes_ = zipfile.ZipFile(model).read("params")
    arrays = []
    for _ in range(3):
        dimensions = int.from_bytes(bytes_[at + 8 : at + 12], "little")
        shape = np.frombuffer(bytes_, "<u8", dimensions, at + 12).astype(np.int64)
        at += 12 + 8 * dimensions + 12
        arrays.append(np.frombuffer(bytes_, "<f4", int(shape.prod()), at).reshape(shape))
        at += 4 * int(shape.prod())
    bias, linear, factors = arrays
    return {"loss": loss_of(path, float(bias[0]), linear.ravel(), factors)}


def main():
    commands = {"generate": generate, "round": round_of, "quality": quality}
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(commands[command.pop("do")](**command)), flush=True)


main()
