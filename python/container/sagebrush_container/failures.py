"""Failures that a person should read in FailureReason."""

import os

from . import places

# FailureReason holds 1,024 characters in all; what is around the message needs some of them.
_MESSAGE_CHARACTERS = 700


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
    start = message.rfind("Traceback (most recent call last)")
    text = (message[start:] if start >= 0 else message).strip()
    if len(text) <= _MESSAGE_CHARACTERS:
        return text
    return "..." + text[-_MESSAGE_CHARACTERS:]


def write_failure(text):
    """Leaves the reason for the platform, unless the user's own code has left one."""
    if os.path.exists(places.FAILURE):
        return
    os.makedirs(places.OUTPUT, exist_ok=True)
    with open(places.FAILURE, "w", encoding="utf-8") as file:
        file.write(text)
