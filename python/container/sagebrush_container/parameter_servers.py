"""A host of a TensorFlow cluster with parameter servers: runs one of them beside the user's script.

The servers of all hosts live until every script has ended: those that finish first must not take parameters from those that
still train. On the job's own network each host tells the others whether its script runs.
Run as a program, with the standard library alone: `parameter_servers.py HOST HOSTS... -- COMMAND`.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

PORT = 7779
# As long as the names of hosts are waited for.
_PATIENCE_SECONDS = 15 * 60
# How long a server may take to end once it is told.
_GRACE_SECONDS = 5

_RUNNING, _ENDED = b"running", b"ended"

_SERVER = """
import json, os
import tensorflow as tf
config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
cluster = json.loads(os.environ["TF_CONFIG"])["cluster"]
tf.distribute.Server(tf.train.ClusterSpec(cluster), job_name="ps", task_index=%d, config=config).join()
"""


class Host:
    """This host's two processes. The script's exit code is the host's, unless its server dies before."""

    def __init__(self, name, hosts, command):
        self._name = name
        self._hosts = hosts
        self._command = command
        self._state = _RUNNING
        self._stopped = threading.Event()
        self._script = None

    def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        with socket.create_server((self._name, PORT), backlog=64) as listener:
            threading.Thread(target=self._tell, args=(listener,), daemon=True).start()
            python = self._command[0]
            server = subprocess.Popen([python, "-c", _SERVER % self._hosts.index(self._name)], env=_quiet())
            try:
                self._wait_until(lambda state: state is not None, _PATIENCE_SECONDS)
                code = self._run_script(server)
                self._state = _ENDED
                if code == 0:
                    # One that is gone had ended: one that fails ends the job, and so this wait.
                    self._wait_until(lambda state: state != _RUNNING)
                return code
            finally:
                _end(server)

    def _run_script(self, server):
        if self._stopped.is_set():
            return 128 + signal.SIGTERM
        self._script = subprocess.Popen(self._command)
        while self._script.poll() is None:
            if server.poll() is not None and not self._stopped.is_set():
                _end(self._script)
                sys.stderr.write("The parameter server of %s has ended with exit code %s.\n" % (self._name, server.returncode))
                return 1
            time.sleep(0.1)
        code = self._script.returncode
        return code if code >= 0 else 128 - code

    def _stop(self, number, _frame):
        self._stopped.set()
        if self._script is not None and self._script.poll() is None:
            self._script.send_signal(number)

    def _wait_until(self, is_so, patience=None):
        """Until it is so of every other host's state."""
        deadline = None if patience is None else time.monotonic() + patience
        for host in self._hosts:
            while host != self._name and not self._stopped.is_set() and not is_so(_state_of(host)):
                if deadline is not None and time.monotonic() > deadline:
                    sys.exit("Parameter servers: %s does not answer." % host)
                self._stopped.wait(0.1)

    def _tell(self, listener):
        while True:
            try:
                connection, _address = listener.accept()
                with connection:
                    connection.sendall(self._state)
            except OSError:
                if listener.fileno() < 0:
                    return


def _state_of(host):
    try:
        with socket.create_connection((host, PORT), timeout=5) as connection:
            return connection.recv(16) or None
    except OSError:
        return None


def _quiet():
    """What a server says is for TensorFlow's own developers."""
    return dict(os.environ, TF_CPP_MIN_LOG_LEVEL=os.environ.get("TF_CPP_MIN_LOG_LEVEL", "2"))


def _end(process):
    process.terminate()
    try:
        process.wait(timeout=_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main(words):
    split = words.index("--")
    return Host(words[0], words[1:split], words[split + 1 :]).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
