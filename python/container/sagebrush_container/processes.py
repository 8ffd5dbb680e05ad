"""Runs a command, shows what it prints and remembers the end of its errors."""

import collections
import os
import signal
import subprocess
import sys
import threading

# A traceback is shorter; memory for it is bounded.
_KEPT_BYTES = 32 * 1024

_running = []


def run(command, cwd, env):
    """Returns the exit code (128 + n for signal n) and the end of what the command wrote to stderr."""
    try:
        process = subprocess.Popen(command, cwd=cwd, env=env, stderr=subprocess.PIPE)
    except OSError as error:
        return 127, "%s: %s" % (command[0], error.strerror)
    _running.append(process)
    tail = collections.deque()
    reader = threading.Thread(target=_copy, args=(process.stderr, tail), daemon=True)
    reader.start()
    code = process.wait()
    # What it left behind may hold the pipe open: its end is not waited for.
    reader.join(timeout=2)
    _running.remove(process)
    return (code if code >= 0 else 128 - code), b"".join(tail).decode("utf-8", "replace")


def _copy(source, tail):
    kept = 0
    while True:
        chunk = os.read(source.fileno(), 65536)
        if not chunk:
            return
        sys.stderr.buffer.write(chunk)
        sys.stderr.buffer.flush()
        tail.append(chunk)
        kept += len(chunk)
        while kept - len(tail[0]) >= _KEPT_BYTES:
            kept -= len(tail.popleft())


def pass_signals_on():
    """A stop reaches the user's code, which may want to save something; its own exit code counts."""

    def forward(number, _frame):
        for process in list(_running):
            process.send_signal(number)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, forward)
