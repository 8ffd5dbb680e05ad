"""An ordinary XGBoost training script (script mode): hyperparameters in, xgboost-model out."""

import argparse
import os

import numpy as np
import xgboost as xgb

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int)
    parser.add_argument("--max_depth", type=int, default=3)
    args = parser.parse_args()

    folder = os.environ["SM_CHANNEL_TRAIN"]
    rows = np.vstack([np.loadtxt(os.path.join(folder, name), delimiter=",") for name in sorted(os.listdir(folder))])
    train = xgb.DMatrix(rows[:, 1:], label=rows[:, 0])
    parameters = {"objective": "multi:softmax", "num_class": 3, "max_depth": args.max_depth, "nthread": 1}
    booster = xgb.train(parameters, train, num_boost_round=args.num_round)
    print("error=%.4f" % float(np.mean(booster.predict(train) != rows[:, 0])))
    booster.save_model(os.path.join(os.environ["SM_MODEL_DIR"], "xgboost-model"))
