"""MLServer with a runtime of its own kind for xgboost, a worker process for each core. `app.py MODEL PORT`"""

import json
import multiprocessing
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import booster as shared
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Booster(MLModel):
    async def load(self) -> bool:
        self._booster = shared.load(self.settings.parameters.uri)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        answers = shared.predict(self._booster, rows)
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("predict", answers)])


def main(model, port):
    folder = tempfile.mkdtemp()
    settings = {
        "http_port": int(port),
        "grpc_port": int(port) + 1,
        "metrics_port": int(port) + 2,
        "host": "127.0.0.1",
        "parallel_workers": multiprocessing.cpu_count(),
        "debug": False,
        "use_structured_logging": False,
    }
    with open(os.path.join(folder, "settings.json"), "w") as file:
        json.dump(settings, file)
    with open(os.path.join(folder, "model-settings.json"), "w") as file:
        json.dump({"name": "bench", "implementation": "app.Booster", "parameters": {"uri": model}}, file)
    here = os.path.dirname(os.path.abspath(__file__))
    environment = {**os.environ, "PYTHONPATH": here}
    os.execve(sys.executable, [sys.executable, "-m", "mlserver.cli.main", "start", folder], environment)


if __name__ == "__main__":
    main(*sys.argv[1:])
