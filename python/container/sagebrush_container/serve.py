"""The inference server: loads the user's script and its model, and answers requests."""

import importlib
import os
import signal
import sys
import threading
import traceback

from . import http_server, packages, places, settings, user_code
from .failures import ToolkitError
from .handlers import Handlers
from .multi_model import Models

# Set once the user's packages are there, for the Python that sees them.
_PREPARED = "SAGEBRUSH_PREPARED"


def main():
    try:
        program, folder = _program()
        sys.path.insert(0, folder)
        name = program[: -len(".py")].replace("/", ".") if program.endswith(".py") else program
        module = importlib.import_module(name) if program else None
        # What the platform loads must be there for each request: models of several share one process.
        workers = 1 if _is_multi_model() else int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS") or 1)
        return _serve(module, workers)
    except ToolkitError as error:
        sys.stderr.write(error.text + "\n")
        return error.exit_code


def _is_multi_model():
    return (os.environ.get("SAGEMAKER_MULTI_MODEL") or "").lower() == "true"


def _program():
    """The script's name and folder; no name where the framework's own functions do."""
    program = settings.decode(os.environ.get("SAGEMAKER_PROGRAM") or "")
    with_model = os.path.join(places.MODEL, "code")
    source = settings.decode(os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY") or "")
    # An archive that was repacked for serving holds its code, and then the address says nothing else.
    folder = with_model
    brings_none = _is_multi_model() and source.startswith("/")
    if source and not os.path.isdir(with_model) and not brings_none:
        folder = places.CODE
        user_code.bring(source, folder)
    if not program and os.path.isfile(os.path.join(folder, "inference.py")):
        program = "inference.py"
    if program and _is_multi_model() and not os.path.isfile(os.path.join(folder, program)):
        program = ""  # each model has its own
    if program and not os.path.isfile(os.path.join(folder, program)):
        raise ToolkitError("The script %s does not exist in %s." % (program, source or folder))
    if os.path.isfile(os.path.join(folder, "requirements.txt")) and _PREPARED not in os.environ:
        python = packages.install(folder, is_package=False)
        os.environ[_PREPARED] = "1"
        os.execv(python, [python, "-B"] + sys.argv)
    return program, folder


def _serve(module, workers):
    listener = http_server.listen()
    if workers <= 1:
        return _work(module, listener)
    children = [_fork(module, listener) for _ in range(workers)]
    stopping = []

    def stop(_number, _frame):
        stopping.append(True)
        for child in children:
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, stop)
    # One that dies takes the instance with it: the platform starts a new one and says why.
    child, status = os.wait()
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    for other in children:
        if other != child:
            os.kill(other, signal.SIGTERM)
    return 0 if stopping else code or 1


def _fork(module, listener):
    child = os.fork()
    if child == 0:
        os._exit(_work(module, listener))
    return child


def _work(module, listener):
    framework = os.environ.get("SAGEBRUSH_FRAMEWORK")
    try:
        served = Models(module, framework) if _is_multi_model() else Handlers(module, framework, places.MODEL)
    except Exception:
        sys.stderr.write(traceback.format_exc())
        sys.stderr.flush()
        return 1
    server = http_server.Server(listener, served)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown, daemon=True).start())
    server.serve_forever(poll_interval=0.2)
    return 0
