"""Ray Serve with a replica for each core. `app.py MODEL PORT`"""

import multiprocessing
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["PYTHONPATH"] = sys.path[0]

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse


@serve.deployment(
    num_replicas=multiprocessing.cpu_count(), ray_actor_options={"num_cpus": 0.1}, max_ongoing_requests=100
)
class Bench:
    def __init__(self, model):
        import booster as shared

        self._shared = shared
        self._booster = shared.load(model)

    async def __call__(self, request: Request):
        row = self._shared.parse((await request.body()).decode())
        return JSONResponse({"predictions": self._shared.predict(self._booster, row).tolist()})


if __name__ == "__main__":
    model, port = sys.argv[1:]
    ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(port)}, logging_config={"enable_access_log": False})
    serve.run(Bench.bind(model), route_prefix="/predict")

    def end(*_):
        serve.shutdown()
        ray.shutdown()
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.pause()
