"""An ordinary scikit-learn training script, as people have it for SageMaker: reads SM_* variables and a CSV file."""

import argparse
import json
import os

import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--max-iter", type=int, default=100)
    parser.add_argument("--model-dir", type=str, default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", type=str, default=os.environ["SM_CHANNEL_TRAIN"])
    args = parser.parse_args()

    frames = [pd.read_csv(os.path.join(args.train, name), header=None) for name in sorted(os.listdir(args.train))]
    rows = pd.concat(frames)
    labels, features = rows.iloc[:, 0], rows.iloc[:, 1:].to_numpy(dtype=np.float64)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=args.strength, max_iter=args.max_iter))
    model.fit(features, labels)
    print("accuracy=%.4f; hosts=%s" % (model.score(features, labels), json.loads(os.environ["SM_HOSTS"])))
    joblib.dump(model, os.path.join(args.model_dir, "model.joblib"))
