"""The problems of the tuning benchmark and the libraries that it is compared to. One question a line, one answer a line.

{"do": "evaluate", "problem": NAME, "values": [...]} -> {"loss": ...}
{"do": "search", "problem": NAME, "library": NAME, "seed": N, "trials": N} -> {"losses": [...]}
"""

import json
import math
import os
import sys
import warnings

# Matrices of fifty rows: threads would only wait for each other.
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy
import optuna
import sklearn
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.metrics import log_loss
from skopt import Optimizer
from skopt.space import Integer, Real

warnings.filterwarnings("ignore")
# scikit-optimize asks its process ten thousand times a search, and a fifth of that is checks of the question.
sklearn.set_config(assume_finite=True, skip_parameter_validation=True)
optuna.logging.set_verbosity(optuna.logging.ERROR)

HARTMANN_A = numpy.array([[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]])
HARTMANN_P = 1e-4 * numpy.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                                 [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]])


def branin(x):
    a, b = x
    return (b - 5.1 / (4 * math.pi**2) * a * a + 5 / math.pi * a - 6) ** 2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(a) + 10


def hartmann6(x):
    return -float(numpy.array([1, 1.2, 3, 3.2]) @ numpy.exp(-(HARTMANN_A * (numpy.array(x) - HARTMANN_P) ** 2).sum(axis=1)))


def ackley5(x):
    x = numpy.array(x)
    return float(-20 * math.exp(-0.2 * math.sqrt((x * x).mean())) - math.exp(numpy.cos(2 * math.pi * x).mean()) + 20 + math.e)


CANCER = train_test_split(*load_breast_cancer(return_X_y=True), test_size=0.4, random_state=0)
DIABETES = train_test_split(*load_diabetes(return_X_y=True), test_size=0.4, random_state=0)


def cancer_svm(x):
    """Held-out log loss of a support vector machine."""
    train, test, labels, truth = CANCER
    model = make_pipeline(StandardScaler(), SVC(C=x[0], gamma=x[1], probability=False))
    margin = model.fit(train, labels).decision_function(test)
    return float(log_loss(truth, 1 / (1 + numpy.exp(-numpy.clip(x[2] * margin, -30, 30)))))


def diabetes_boosting(x):
    """Held-out root mean squared error of boosted trees."""
    train, test, labels, truth = DIABETES
    model = GradientBoostingRegressor(learning_rate=x[0], subsample=x[1], max_depth=int(x[2]), min_samples_leaf=int(x[3]),
                                      n_estimators=60, random_state=0)
    return float(numpy.sqrt(((model.fit(train, labels).predict(test) - truth) ** 2).mean()))


def real(low, high, log=False):
    return {"kind": "continuous", "min": low, "max": high, "log": log}


PROBLEMS = {
    "Branin": (branin, [real(-5, 10), real(0, 15)]),
    "Hartmann-6": (hartmann6, [real(0, 1)] * 6),
    # A box that the lowest place is not in the middle of.
    "Ackley-5": (ackley5, [real(-5, 10)] * 5),
    "support vectors": (cancer_svm, [real(1e-3, 1e3, True), real(1e-5, 1, True), real(0.1, 10, True)]),
    "boosted trees": (diabetes_boosting, [real(0.005, 0.5, True), real(0.3, 1), {"kind": "integer", "min": 1, "max": 8},
                                          {"kind": "integer", "min": 1, "max": 40}]),
}


def search_optuna(function, space, seed, trials):
    def objective(trial):
        return function([
            trial.suggest_int(str(i), each["min"], each["max"]) if each["kind"] == "integer"
            else trial.suggest_float(str(i), each["min"], each["max"], log=each["log"])
            for i, each in enumerate(space)
        ])

    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=trials)
    return [each.value for each in study.trials]


def search_skopt(function, space, seed, trials):
    dimensions = [
        Integer(each["min"], each["max"]) if each["kind"] == "integer"
        else Real(each["min"], each["max"], prior="log-uniform" if each["log"] else "uniform")
        for each in space
    ]
    optimiser = Optimizer(dimensions, base_estimator="GP", random_state=seed)
    losses = []
    for _ in range(trials):
        x = optimiser.ask()
        losses.append(function(x))
        optimiser.tell(x, losses[-1])
    return losses


LIBRARIES = {"Optuna TPE": search_optuna, "scikit-optimize GP": search_skopt}

for line in sys.stdin:
    question = json.loads(line)
    function, space = PROBLEMS[question["problem"]]
    if question["do"] == "evaluate":
        answer = {"loss": function(question["values"])}
    elif question["do"] == "space":
        answer = {"space": space}
    else:
        answer = {"losses": LIBRARIES[question["library"]](function, space, question["seed"], question["trials"])}
    print(json.dumps(answer), flush=True)
