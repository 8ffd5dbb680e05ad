"""MPI over the hosts of a job without SSH.

The first host leads: it waits for the others, runs mpirun and tells them when it has ended. The others listen on the job's
own network, which nobody else reaches, and run what mpirun starts there: `call` takes the place of the remote shell.
Run as a program, with the standard library alone: mpirun starts it for every host.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

PORT = 7778
# As long as the names of hosts are waited for.
_PATIENCE_SECONDS = 15 * 60
_SSH_OPTIONS_WITH_VALUES = ("-b", "-c", "-D", "-E", "-e", "-F", "-i", "-J", "-L", "-l", "-m", "-o", "-p", "-R", "-S", "-W", "-w")
# More than any daemon of mpirun's takes in words.
_LINE_BYTES = 256 * 1024


def lead(others, command):
    """Runs mpirun once every other host listens; returns its exit code."""
    for host in others:
        _wait_for(host)
    process = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: process.send_signal(received))
    code = process.wait()
    for host in others:
        try:
            _ask(host, {"end": True})
        except OSError:
            pass  # It has ended, and its end is known to who started it.
    return code if code >= 0 else 128 - code


def call(host, words):
    """What mpirun takes for a remote shell; returns the command's exit code."""
    return _ask(host, {"run": " ".join(words)}).get("exit", 1)


def ssh(words):
    """What programs take for ssh: to the job's own hosts as `call`, to others by the real one."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _SSH_OPTIONS_WITH_VALUES else 1
    if at < len(words) and words[at] in _hosts_of_job():
        return call(words[at], words[at + 1 :])
    os.execv("/usr/bin/ssh", ["ssh"] + words)


def _hosts_of_job():
    with open("/opt/ml/input/config/resourceconfig.json", encoding="utf-8") as file:
        return json.load(file)["hosts"]


def follow(own_name):
    """Serves the leading host until it says that all is over; returns the exit code of this host."""
    ended = threading.Event()
    with socket.create_server((own_name, PORT), backlog=64) as listener:
        threading.Thread(target=_accept, args=(listener, ended), daemon=True).start()
        signal.signal(signal.SIGTERM, lambda *_: ended.set())
        # In pieces, so that a signal is handled at once.
        while not ended.wait(timeout=0.5):
            pass
    return 0


def _accept(listener, ended):
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return  # closed: it is over
        threading.Thread(target=_serve, args=(connection, ended), daemon=True).start()


def _serve(connection, ended):
    with connection, connection.makefile("rw", encoding="utf-8") as lines:
        line = lines.readline(_LINE_BYTES)
        if not line:
            return  # somebody looked whether we are here
        request = json.loads(line)
        if "run" in request:
            code = _run(request["run"], connection)
            answer = {"exit": code}
        else:
            answer = {}
        try:
            lines.write(json.dumps(answer) + "\n")
            lines.flush()
        except OSError:
            pass  # the leading host is gone
    if "end" in request:
        ended.set()


def _run(command, connection):
    """Runs a command for as long as the other side waits for it."""
    process = subprocess.Popen(["/bin/sh", "-c", command], stdin=subprocess.DEVNULL, start_new_session=True)

    def end_with_caller():
        try:
            connection.recv(1)  # says nothing more until it closes
        except OSError:
            pass
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)

    threading.Thread(target=end_with_caller, daemon=True).start()
    code = process.wait()
    return code if code >= 0 else 128 - code


def _ask(host, request):
    with socket.create_connection((host, PORT)) as connection, connection.makefile("rw", encoding="utf-8") as lines:
        lines.write(json.dumps(request) + "\n")
        lines.flush()
        answer = lines.readline(_LINE_BYTES)
    return json.loads(answer) if answer else {}


def _wait_for(host):
    deadline = time.monotonic() + _PATIENCE_SECONDS
    pause = 0.05
    while True:
        try:
            socket.create_connection((host, PORT), timeout=5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                sys.exit("MPI: %s does not answer." % host)
        time.sleep(pause)
        pause = min(pause * 2, 2)


def main(words):
    role, rest = words[0], words[1:]
    if role == "lead":
        split = rest.index("--")
        return lead(rest[:split], rest[split + 1 :])
    if role == "follow":
        return follow(rest[0])
    if role == "ssh":
        return ssh(rest)
    return call(rest[0], rest[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
