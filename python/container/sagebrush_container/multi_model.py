"""The models of a multi-model endpoint in one process: loaded, listed, asked and unloaded as the platform says."""

import gc
import importlib.util
import json
import os
import sys
import threading
import traceback

from . import places, settings
from .handlers import Handlers

_PAGE = 100
# Of the memory that the process may have, this share is for models; the rest is for requests.
_SHARE = 0.8


class Models:
    """Each model is its folder and, where that has code, the functions of its own script."""

    def __init__(self, module, framework):
        self._module = module
        self._framework = framework
        self._models = {}
        self._lock = threading.RLock()

    def get(self, name):
        """The model's handlers and its folder; None where it is not loaded."""
        return self._models.get(name)

    def load(self, name, url):
        """Returns the status of the container API and what to say."""
        with self._lock:
            if name in self._models:
                return 409, _described(name, url)
            if not _has_room():
                return 507, b"there is no memory for another model"
            folder = places.real(url)
            try:
                module = _own_module(name, folder) or self._module
                self._models[name] = (Handlers(module, self._framework, folder), url)
            except MemoryError:
                return 507, b"there is no memory for this model"
            except Exception as error:  # the user's code, or a file that is no model
                sys.stderr.write(traceback.format_exc())
                return 500, ("%s: %s" % (type(error).__name__, error)).encode()
            return 200, _described(name, url)

    def unload(self, name):
        """Returns whether it was there."""
        with self._lock:
            return self._models.pop(name, None) is not None

    def page(self, token):
        """One page of the models, in the order in which they were loaded."""
        first = int(token) if token.isdigit() else 0
        names = list(self._models)
        listed = [(name, self._models.get(name)) for name in names[first : first + _PAGE]]
        page = {"models": [{"modelName": name, "modelUrl": model[1]} for name, model in listed if model]}
        if first + _PAGE < len(names):
            page["nextPageToken"] = str(first + _PAGE)
        return json.dumps(page).encode()

    def describe(self, name):
        model = self._models.get(name)
        return _described(name, model[1]) if model else None


def _described(name, url):
    return json.dumps({"modelName": name, "modelUrl": url}).encode()


def _own_module(name, folder):
    """The script that the model brings; its helpers are its own, too, whatever other models call theirs."""
    code = os.path.join(folder, "code")
    program = os.path.basename(settings.decode(os.environ.get("SAGEMAKER_PROGRAM") or ""))
    scripts = [os.path.join(code, name) for name in (program, "inference.py") if name]
    script = next((each for each in scripts if os.path.isfile(each)), None)
    if script is None:
        return None
    spec = importlib.util.spec_from_file_location("model_%s" % name, script)
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, code)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(code)
        for other, loaded in list(sys.modules.items()):
            if (getattr(loaded, "__file__", None) or "").startswith(code + os.sep):
                del sys.modules[other]
    return module


def _has_room():
    limit = int(os.environ.get("SAGEBRUSH_MEMORY_BYTES") or 0)
    if not limit or _resident() <= limit * _SHARE:
        return True
    gc.collect()
    return _resident() <= limit * _SHARE


def _resident():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:  # no Linux: nothing is known, nothing is refused
        return 0
