"""Reference side of the ipinsights benchmark: the same model in PyTorch, in a warm process.

One JSON command per line, one JSON line as answer: `generate` writes the data, `round` reads the file with each reader, learns
once and saves the model.
"""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import torch

from reference_side import answer, timed

SEED = 20261130
HELD_OUT = 20_000


def addresses_of(rng, entities, networks, homes):
    """Nine in ten from one of the entity's two networks of 65,536 addresses, the rest from anyone's."""
    own = networks[homes[entities, rng.integers(2, size=len(entities))]]
    anyone = networks[rng.integers(len(networks), size=len(entities))]
    return np.where(rng.random(len(entities)) < 0.9, own, anyone) * 65536 + rng.integers(65536, size=len(entities))


def generate(pairs, entities, path):
    rng = np.random.default_rng(SEED)
    networks = rng.integers(65536, size=500)
    homes = rng.integers(500, size=(entities, 2))
    columns = []
    for count in (pairs, HELD_OUT):
        who = rng.integers(entities, size=count)
        columns.append((who, addresses_of(rng, who, networks, homes)))
    (who, ips), (held, held_ips) = columns
    made = rng.integers(2**32, size=HELD_OUT)

    def table(numbers, values):
        return pa.table([names(numbers), dotted(values)], names=["entity", "ip"])

    options = pa.csv.WriteOptions(include_header=False, quoting_style="none")
    pa.csv.write_csv(table(who, ips), path, options)
    pa.csv.write_csv(table(held, held_ips), path + ".real", options)
    pa.csv.write_csv(table(held, made), path + ".made", options)
    return {}


def names(numbers):
    return pc.binary_join_element_wise(pa.scalar("account-"), pa.array(numbers).cast(pa.string()), "")


def dotted(ips):
    octets = [pa.array((ips >> shift) & 255).cast(pa.string()) for shift in (24, 16, 8, 0)]
    return pc.binary_join_element_wise(*octets, ".")


def numbers_of(entity, ip, vectors):
    octets = pc.list_flatten(pc.split_pattern(ip, ".")).cast(pa.int64()).to_numpy().reshape(-1, 4)
    ips = ((octets[:, 0] * 256 + octets[:, 1]) * 256 + octets[:, 2]) * 256 + octets[:, 3]
    return (pd.util.hash_array(entity) % vectors).astype(np.int64), ips


def read_pandas(path, vectors):
    table = pd.read_csv(path, header=None, engine="c", names=["entity", "ip"], dtype=str)
    ip = pa.chunked_array([pa.array(table["ip"])]).combine_chunks()
    return numbers_of(table["entity"].to_numpy(dtype=object), ip, vectors)


def read_pyarrow(path, vectors):
    table = pa.csv.read_csv(path, read_options=pa.csv.ReadOptions(column_names=["entity", "ip"]))
    entity, ip = (table.column(j).combine_chunks() for j in range(2))
    return numbers_of(entity.to_numpy(zero_copy_only=False), ip, vectors)


class Model(torch.nn.Module):
    def __init__(self, vectors, dim, layers):
        super().__init__()
        self.entities = torch.nn.Embedding(vectors, dim, sparse=True)
        torch.nn.init.zeros_(self.entities.weight)
        sizes = [32] + [dim] * (layers + 1)
        self.layers = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        for i, layer in enumerate(self.layers):
            torch.nn.init.normal_(layer.weight, std=((1 if i == 0 else 2) / layer.in_features) ** 0.5)
            torch.nn.init.zeros_(layer.bias)
        self.register_buffer("shifts", torch.arange(31, -1, -1))

    def encode(self, ips):
        hidden = self.layers[0]((((ips[:, None] >> self.shifts) & 1) * 2 - 1).float())
        for layer in self.layers[1:]:
            hidden = layer(torch.relu(hidden))
        return hidden


def learn(entities, ips, vectors, dim, layers, epochs, rate, size):
    """One random and one shuffled address for each pair, Adam, entities moved where a mini-batch has them."""
    torch.manual_seed(0)
    model = Model(vectors, dim, layers)
    movers = [
        torch.optim.SparseAdam(list(model.entities.parameters()), lr=rate),
        torch.optim.Adam(model.layers.parameters(), lr=rate, weight_decay=1e-5),
    ]
    entities, ips = torch.from_numpy(entities), torch.from_numpy(ips)
    for _ in range(epochs):
        for first in range(0, len(ips), size):
            mine, real = model.entities(entities[first : first + size]), ips[first : first + size]
            rows = len(real)
            vectors_ = model.encode(torch.cat([real, torch.randint(2**32, (rows,))]))
            shuffled = vectors_[:rows].roll(-int(torch.randint(1, rows, (1,))), 0)
            products = [(mine * other).sum(1) for other in (vectors_[:rows], vectors_[rows:], shuffled)]
            losses = [torch.nn.functional.softplus(z * sign).sum() for z, sign in zip(products, (-1, 1, 1))]
            loss = sum(losses) / (3 * rows)
            for mover in movers:
                mover.zero_grad(set_to_none=True)
            loss.backward()
            for mover in movers:
                mover.step()
    return model


def auc(model, path, vectors):
    scores = []
    for which in (".real", ".made"):
        entities, ips = read_pyarrow(path + which, vectors)
        with torch.no_grad():
            mine = model.entities(torch.from_numpy(entities))
            scores.append((mine * model.encode(torch.from_numpy(ips))).sum(1).numpy())
    ranks = pd.Series(np.concatenate(scores)).rank().to_numpy()
    count = len(scores[0])
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(scores[1])))


def round_of(path, vectors, dim, layers, epochs, rate, size):
    _, pandas_c = timed(lambda: read_pandas(path, vectors))
    (entities, ips), arrow = timed(lambda: read_pyarrow(path, vectors))

    def fit():
        model = learn(entities, ips, vectors, dim, layers, epochs, rate, size)
        torch.save(model.state_dict(), path + ".pt")
        return model

    model, times = timed(fit)
    return {
        "readers": {"pandas C": pandas_c, "pyarrow": arrow},
        "fits": {"PyTorch": {**times, "auc": auc(model, path, vectors)}},
    }


answer({"generate": generate, "round": round_of})
