"""Default functions of each framework's inference image."""

import os

from . import formats


class Plain:
    """Any framework: the model is the script's business, formats are not."""

    @staticmethod
    def model_fn(model_dir):
        raise NotImplementedError("Define model_fn(model_dir) in your script: it returns the model that it loads.")

    @staticmethod
    def input_fn(body, content_type):
        return formats.decode(body, content_type)

    @staticmethod
    def predict_fn(data, model):
        return model.predict(data) if hasattr(model, "predict") else model(data)

    @staticmethod
    def output_fn(prediction, accept):
        return formats.encode(prediction, accept)


class PyTorch(Plain):
    """A TorchScript model by default; tensors in and out."""

    @staticmethod
    def model_fn(model_dir):
        import torch

        for name in ("model.pt", "model.pth"):
            path = os.path.join(model_dir, name)
            if os.path.exists(path):
                return torch.jit.load(path, map_location=_device())
        raise NotImplementedError("Define model_fn(model_dir): there is no model.pt of TorchScript in the model.")

    @staticmethod
    def input_fn(body, content_type):
        import torch

        return torch.as_tensor(formats.decode(body, content_type), dtype=torch.float32).to(_device())

    @staticmethod
    def predict_fn(data, model):
        import torch

        model.eval()
        with torch.no_grad():
            return model(data)


class XGBoost(Plain):
    """The model that XGBoost's own container saves; rows in, scores out."""

    @staticmethod
    def model_fn(model_dir):
        import pickle

        import xgboost

        path = os.path.join(model_dir, "xgboost-model")
        try:
            booster = xgboost.Booster()
            booster.load_model(path)
            return booster
        except xgboost.core.XGBoostError:
            # Scripts of old pickle it. It is the user's own model, in the user's own container.
            with open(path, "rb") as file:
                return pickle.load(file)

    @staticmethod
    def input_fn(body, content_type):
        import xgboost

        if formats.plain(content_type) in ("text/libsvm", "text/x-libsvm"):
            return xgboost.DMatrix(_libsvm(bytes(body).decode()))
        return xgboost.DMatrix(formats.decode(body, content_type))

    @staticmethod
    def predict_fn(data, model):
        # Rows may name fewer columns than the model has, when the last ones are empty.
        return model.predict(data, validate_features=False)


class HuggingFace(Plain):
    """A pipeline over the saved model, of the task that HF_TASK names."""

    @staticmethod
    def model_fn(model_dir):
        from transformers import pipeline

        task = os.environ.get("HF_TASK")
        if not task:
            raise NotImplementedError("Set HF_TASK to the pipeline's task, or define model_fn(model_dir).")
        return pipeline(task, model=model_dir)

    @staticmethod
    def input_fn(body, content_type):
        import json

        if formats.plain(content_type) not in (formats.JSON, ""):
            raise formats.Unsupported(415, "Content type %s is not read here; use %s." % (content_type, formats.JSON))
        return json.loads(bytes(body).decode())

    @staticmethod
    def predict_fn(data, model):
        parameters = data.pop("parameters", {}) if isinstance(data, dict) else {}
        inputs = data.pop("inputs", data) if isinstance(data, dict) else data
        return model(inputs, **parameters)


def defaults_for(framework):
    return {"PyTorch": PyTorch, "XGBoost": XGBoost, "Hugging Face": HuggingFace}.get(framework, Plain)


def _device():
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _libsvm(text):
    """Rows `[LABEL] INDEX:VALUE ...` as a dense array; indices count as they are written."""
    import numpy

    rows = []
    for line in text.splitlines():
        pairs = [word.split(":") for word in line.split() if ":" in word]
        rows.append({int(index): float(value) for index, value in pairs})
    width = max([max(row, default=-1) for row in rows], default=-1) + 1
    array = numpy.full((len(rows), width), numpy.nan)
    for at, row in enumerate(rows):
        for index, value in row.items():
            array[at, index] = value
    return array
