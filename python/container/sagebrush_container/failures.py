"""Failures that a person should read in FailureReason."""

import os
import re

from . import places

# FailureReason holds 1,024 characters in all; what is around the message needs some of them.
_MESSAGE_CHARACTERS = 700

_TRACEBACK = "Traceback (most recent call last)"
_MPIRUN_REPORT = re.compile(r"^-{40,}$", re.MULTILINE)
_TORCHRUN = "torch.distributed.elastic.multiprocessing.errors"
_TORCHRUN_REPORT = "Root Cause (first observed failure)"
# Of PyTorch 1, and of later ones.
_TORCHRUN_LOG = re.compile(r"^(?:(?:ERROR|WARNING|INFO):torch\.|[EWI]\d{4} \d\d:\d\d)", re.MULTILINE)


class ToolkitError(Exception):
    """Ends the run with a text in /opt/ml/output/failure."""

    def __init__(self, text, exit_code=1):
        super().__init__(text)
        self.text = text
        self.exit_code = exit_code


def command_failed(kind, exit_code, message, command):
    """The words in which SageMaker's toolkit reports a command that failed."""
    note = ""
    if exit_code == 137:
        note = "OutOfMemory: Process killed by SIGKILL (signal 9)\n"
    text = '%s:\nExitCode %d\nErrorMessage "%s%s"\nCommand "%s"' % (
        kind,
        exit_code,
        note,
        shortened(message),
        " ".join(command),
    )
    return ToolkitError(text, exit_code)


def shortened(message):
    """The last traceback of a process's errors, or their end; the end of it says what happened."""
    start = message.rfind(_TRACEBACK)
    if start >= 0 and _TORCHRUN in message[start:]:
        text = _of_worker(message, start)
    else:
        # What mpirun adds, between lines, says no more than that it has ended all the others.
        text = _MPIRUN_REPORT.split(message[start:])[0] if start >= 0 else message
    text = text.strip()
    if len(text) <= _MESSAGE_CHARACTERS:
        return text
    return "..." + text[-_MESSAGE_CHARACTERS:]


def _of_worker(message, start):
    """What torchrun's worker said before torchrun's own traceback, or torchrun's report of one that could say nothing."""
    before = message.rfind(_TRACEBACK, 0, start)
    if before < 0:
        report = message.find(_TORCHRUN_REPORT, start)
        return message[report if report >= 0 else start :]
    text = message[before:start]
    log = _TORCHRUN_LOG.search(text)
    return text[: log.start()] if log else text


def write_failure(text):
    """Leaves the reason for the platform, unless the user's own code has left one."""
    if os.path.exists(places.FAILURE):
        return
    os.makedirs(places.OUTPUT, exist_ok=True)
    with open(places.FAILURE, "w", encoding="utf-8") as file:
        file.write(text)
