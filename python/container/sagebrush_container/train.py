"""Script mode: brings the user's code, its packages and its variables together, and runs it."""

import os
import socket
import sys
import time
import traceback

from . import launchers, notices, packages, places, processes, user_code, variables
from .failures import ToolkitError, command_failed, write_failure
from .settings import Settings

# A name of another host may take a while to be known.
_NAMES_SECONDS = 15 * 60


def main():
    """Returns the exit code of the run; the reason of a failure is in /opt/ml/output/failure."""
    processes.pass_signals_on()
    try:
        _train(Settings())
    except ToolkitError as error:
        sys.stderr.write(error.text + "\n")
        write_failure(error.text)
        return error.exit_code
    except Exception:  # a fault of ours or of the files we were given: told as such
        sys.stderr.write(traceback.format_exc())
        write_failure("Framework Error: \n" + traceback.format_exc())
        return 1
    with open(places.SUCCESS, "w", encoding="utf-8"):
        pass
    return 0


def _train(settings):
    if not settings.program and not settings.training_module:
        raise ToolkitError(
            "ClientError: this job names no entry point: set entry_point in the SDK, which sends the hyperparameters "
            "sagemaker_program and sagemaker_submit_directory, or SAGEMAKER_PROGRAM in Environment."
        )
    for folder in (places.MODEL, places.OUTPUT_DATA):
        os.makedirs(folder, exist_ok=True)
    user_code.bring(settings.submit_directory, places.CODE)
    _must_have_program(settings)
    is_package = bool(settings.program) and settings.program.endswith(".py") and launchers.is_package(places.CODE)
    python = packages.install(places.CODE, is_package)
    environment = dict(os.environ, **variables.script_variables(settings))
    paths = [places.CODE, os.environ.get("PYTHONPATH"), places.STAND_INS]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    environment["PATH"] = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", "")])
    if settings.program:
        command, more = launchers.command_for(settings, python, places.CODE)
    else:
        command, more = _module_command(settings.training_module, python), {}
    environment.update(more)
    _wait_for_names(settings)
    notices.say("Running %s" % " ".join(command))
    exit_code, errors = processes.run(command, cwd=places.CODE, env=environment)
    if exit_code != 0:
        raise command_failed("ExecuteUserScriptError", exit_code, errors, command)


def _must_have_program(settings):
    if not settings.program or os.path.isfile(os.path.join(places.CODE, settings.program)):
        return
    there = ", ".join(sorted(os.listdir(places.CODE))[:20]) or "nothing"
    raise ToolkitError(
        "ClientError: the entry point %s does not exist in %s, which has: %s."
        % (settings.program, settings.submit_directory, there)
    )


def _module_command(module, python):
    name, _, function = module.partition(":")
    code = "import importlib, sys; sys.exit(getattr(importlib.import_module(sys.argv[1]), sys.argv[2])())"
    return [python, "-c", code, name, function or "main"]


def _wait_for_names(settings):
    deadline = time.monotonic() + _NAMES_SECONDS
    for host in settings.hosts:
        pause = 0.05
        while host != settings.current_host:
            try:
                socket.gethostbyname(host)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise ToolkitError("InternalServerError: the name of %s is not known to %s." % (host, settings.current_host))
                time.sleep(pause)
                pause = min(pause * 2, 30)
