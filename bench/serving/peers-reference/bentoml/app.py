"""BentoML with a worker process for each core. `app.py MODEL PORT`"""

import multiprocessing
import os
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, ".."))

import bentoml
import booster as shared


@bentoml.service(workers=multiprocessing.cpu_count(), logging={"access": {"enabled": False}}, metrics={"enabled": False})
class Bench:
    def __init__(self) -> None:
        self._booster = shared.load(os.environ["BENCH_MODEL"])

    @bentoml.api
    def predict(self, row: str) -> list[float]:
        return shared.predict(self._booster, shared.parse(row)).tolist()


if __name__ == "__main__":
    model, port = sys.argv[1:]
    environment = {**os.environ, "BENCH_MODEL": model, "BENTOML_DO_NOT_TRACK": "True"}
    command = [sys.executable, "-m", "bentoml", "serve", "app:Bench", "--host", "127.0.0.1", "--port", port]
    os.chdir(here)
    os.execve(sys.executable, command, environment)
