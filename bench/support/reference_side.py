"""What the reference sides of benchmarks share: clocks, readers of dense CSV, and the loop that answers.

`ReferenceProcess` puts this folder on Python's path.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import pyarrow.csv


def timed(action):
    """The action's result, and its milliseconds by the wall's clock and of processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = action()
    return result, {"millis": (time.perf_counter() - wall) * 1000, "cpu": (time.process_time() - cpu) * 1000}


def read_pandas(path):
    """A CSV of numbers without a header by pandas' C reader: rows x columns, 32 bits."""
    return np.ascontiguousarray(pd.read_csv(path, header=None, engine="c", dtype=np.float32).to_numpy())


def read_pyarrow(path, block_size=None):
    """The same by pyarrow on all cores. Rows longer than a block (bytes) are refused, so wide tables want larger ones."""
    options = pyarrow.csv.ReadOptions(autogenerate_column_names=True, block_size=block_size)
    table = pyarrow.csv.read_csv(path, read_options=options)
    x = np.empty((table.num_rows, table.num_columns), dtype=np.float32)
    for j in range(table.num_columns):
        x[:, j] = table.column(j).to_numpy()
    return x


def answer(commands):
    """Answers each line of JSON, {"do": NAME, ...arguments}, with one line of JSON until there are no more."""
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(commands[command.pop("do")](**command)), flush=True)
