"""What SageMaker's XGBoost container does with a CSV request, on the stack that its requirements name: gunicorn with gevent workers, Flask,
Python's xgboost. Reading CSV is one call of NumPy, where the container splits and cleans lines in Python: the reference is rather too fast.

    python app.py make MODEL.ubj        trains the model
    python app.py serve MODEL.ubj PORT  one worker for each core, each with a model of its own
"""

import multiprocessing
import sys

import flask
import numpy as np
import xgboost

WIDTH = 28
app = flask.Flask(__name__)
booster = None


def make(path):
    rng = np.random.default_rng(20261130)
    x = np.round(rng.normal(size=(50_000, WIDTH)), 6)
    y = (x[:, 0] + x[:, 1] * x[:, 2] + np.sin(2 * x[:, 3]) + rng.normal(size=len(x)) > 0).astype(np.int8)
    settings = {"objective": "binary:logistic", "max_depth": 6, "tree_method": "hist"}
    xgboost.train(settings, xgboost.DMatrix(x, y), 100).save_model(path)


def load(path):
    global booster
    booster = xgboost.Booster(model_file=path)
    booster.set_param("nthread", 1)  # as the container does


@app.route("/ping", methods=["GET"])
def ping():
    return flask.Response(status=200)


@app.route("/invocations", methods=["POST"])
def invocations():
    text = flask.request.data.decode("utf-8")
    rows = np.array([line.split(",") for line in text.split("\n") if line], dtype=np.float32)
    answers = booster.predict(xgboost.DMatrix(rows), validate_features=False).tolist()
    return flask.Response(response="\n".join(map(str, answers)), status=200, mimetype="text/csv")


def serve(path, port):
    import gunicorn.app.base

    class Server(gunicorn.app.base.BaseApplication):
        def load_config(self):
            settings = {
                "bind": f"127.0.0.1:{port}",
                "workers": multiprocessing.cpu_count(),
                "worker_class": "gevent",
                "keepalive": 60,
                "control_socket_disable": True,
                "loglevel": "warning",
                "post_worker_init": lambda worker: load(path),
            }
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self):
            return app

    sys.argv = sys.argv[:1]
    Server().run()


if __name__ == "__main__":
    {"make": make, "serve": serve}[sys.argv[1]](*sys.argv[2:])
