"""Public tables that come with scikit-learn, divided, and what HistGradientBoosting makes of them with its defaults."""

import csv
import json
import pathlib
import sys
import time

import numpy as np
from sklearn import datasets, ensemble, metrics, model_selection

TASKS = {
    "breast cancer": (datasets.load_breast_cancer, "AUC"),
    "digits": (datasets.load_digits, "Accuracy"),
    "diabetes": (datasets.load_diabetes, "MSE"),
}


def measure(metric, model, x, y):
    if metric == "AUC":
        return metrics.roc_auc_score(y, model.predict_proba(x)[:, 1])
    if metric == "Accuracy":
        return metrics.accuracy_score(y, model.predict(x))
    return metrics.mean_squared_error(y, model.predict(x))


def write(path, x, y, names):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*names, "target"])
        writer.writerows([*map(float, row), int(label) if float(label).is_integer() else float(label)] for row, label in zip(x, y))


def answer(question):
    load, metric = TASKS[question["task"]]
    data = load()
    x, y = data.data, data.target
    names = [str(name).replace(" ", "_") for name in getattr(data, "feature_names", range(x.shape[1]))]
    stratify = None if metric == "MSE" else y
    train, rest = model_selection.train_test_split(np.arange(len(y)), test_size=0.4, random_state=0, stratify=stratify)
    held, test = model_selection.train_test_split(
        rest, test_size=0.5, random_state=0, stratify=None if stratify is None else y[rest]
    )
    folder = pathlib.Path(question["folder"])
    for name, rows in (("train", train), ("validation", held), ("test", test)):
        write(folder / f"{name}.csv", x[rows], y[rows], names)
    kind = ensemble.HistGradientBoostingRegressor if metric == "MSE" else ensemble.HistGradientBoostingClassifier
    begin = time.perf_counter()
    model = kind(random_state=0).fit(x[train], y[train])
    return {
        "metric": metric,
        "validation": measure(metric, model, x[held], y[held]),
        "test": measure(metric, model, x[test], y[test]),
        "seconds": time.perf_counter() - begin,
    }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
