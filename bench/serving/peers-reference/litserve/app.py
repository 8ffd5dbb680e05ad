"""LitServe with a worker process for each core. `app.py MODEL PORT`"""

import multiprocessing
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import booster as shared
import litserve


class Bench(litserve.LitAPI):
    def setup(self, device):
        self._booster = shared.load(sys.argv[1])

    def decode_request(self, request):
        return shared.parse(request["row"])

    def predict(self, row):
        return shared.predict(self._booster, row)

    def encode_response(self, answers):
        return {"predictions": answers.tolist()}


if __name__ == "__main__":
    server = litserve.LitServer(Bench(), accelerator="cpu", workers_per_device=multiprocessing.cpu_count())
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False, log_level="warning")
