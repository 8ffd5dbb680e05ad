"""The four functions of an inference script, and what stands in for those that it lacks."""

import inspect

from . import formats
from .frameworks import defaults_for


class Handlers:
    """Answers requests with the user's functions over the framework's own."""

    def __init__(self, module, framework, model_dir):
        defaults = defaults_for(framework)
        given = {name: getattr(module, name, None) for name in _NAMES}
        if given["transform_fn"] and any(given[name] for name in ("input_fn", "predict_fn", "output_fn")):
            raise ValueError("transform_fn takes the place of input_fn, predict_fn and output_fn: define one or the others.")
        load = given["model_fn"] or defaults.model_fn
        self._transform = given["transform_fn"]
        self._input = given["input_fn"] or defaults.input_fn
        self._predict = given["predict_fn"] or defaults.predict_fn
        self._output = given["output_fn"] or defaults.output_fn
        self._model = _call(load, model_dir)

    def answer(self, body, content_type, accept):
        """Returns bytes and their content type."""
        if self._transform:
            made = _call(self._transform, self._model, body, content_type, accept)
        else:
            data = _call(self._input, body, content_type)
            made = _call(self._output, _call(self._predict, data, self._model), accept)
        content, kind = made if isinstance(made, tuple) else (made, accept)
        return formats.as_bytes(content), kind


_NAMES = ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")


def _call(function, *values):
    """Some containers pass a context as a last argument; functions that want one get None."""
    try:
        wanted = [
            each
            for each in inspect.signature(function).parameters.values()
            if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD) and each.default is each.empty
        ]
    except (TypeError, ValueError):  # a built-in says nothing of itself
        wanted = values
    return function(*values, *[None] * (len(wanted) - len(values)))
