"""A scikit-learn training script as it runs on SageMaker: arguments and SM_* variables in, a model file out."""

import argparse
import os

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--model-dir", default=os.environ.get("SM_MODEL_DIR"))
    args = parser.parse_args()

    rows = pd.read_csv(os.path.join(args.train, "penguins.csv"), header=None).to_numpy()
    species, measurements = rows[:, 0].astype(int), rows[:, 1:]
    model = make_pipeline(StandardScaler(), LogisticRegression(C=args.strength, max_iter=1000))
    print(f"accuracy={cross_val_score(model, measurements, species, cv=5).mean():.4f}")
    joblib.dump(model.fit(measurements, species), os.path.join(args.model_dir, "model.joblib"))
