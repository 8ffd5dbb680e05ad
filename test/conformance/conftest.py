"""Fixtures of every Python client suite: a server of its own, and the environment that `sagebrush env` prints."""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE = ROOT / "node_modules" / ".bin" / "node"
COMMAND = ROOT / "bin" / "sagebrush"
# Python environments of framework images, kept from run to run: making one takes longer than most suites.
ENVIRONMENTS = ROOT / ".build" / "environments"

# See the file in it.
QUICK_WAITS = ROOT / "test" / "conformance" / "quick-waits"

# Training scripts as users have them.
SCRIPTS = ROOT / "test" / "conformance" / "scripts"


def run_python(code: str, environment: dict, timeout: int = 280) -> str:
    """Runs a user's program in the client's environment and returns what it printed."""
    words = [sys.executable, "-c", code]
    result = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=timeout)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def needs(*programs, root=True):
    """Skips by name where the machine lacks what the test is about."""
    missing = [program for program in programs if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    if root and os.geteuid() != 0:
        pytest.skip("needs root")


def needs_system_module(name: str) -> None:
    """Skips by name where Debian's own Python, which PyTorch 1.13's image becomes, lacks a module."""
    if subprocess.run(["/usr/bin/python3", "-c", f"import {name}"], capture_output=True).returncode != 0:
        pytest.skip(f"needs {name} of the system's own Python")


def loss_of(shown: str) -> float:
    """The loss in a job's log."""
    found = set(re.findall(r"loss=([0-9.]+);", shown))
    assert len(found) == 1, shown  # every host has the same model
    return float(found.pop())


class Sagebrush:
    """One running server and how to reach it."""

    def __init__(self, data_dir: pathlib.Path):
        self.data_dir = data_dir
        log = data_dir.with_suffix(".log")
        self.log = open(log, "wb")
        self.process = subprocess.Popen(
            [NODE, COMMAND, "up", "--data-dir", data_dir, "--port", "0", "--environments-dir", ENVIRONMENTS],
            stdout=self.log,
            stderr=self.log,
        )
        note = data_dir / "server.json"
        deadline = time.monotonic() + 30
        while not note.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the server did not start:\n" + log.read_text())
            time.sleep(0.02)
        self.url = json.loads(note.read_text())["url"]

    def command(self, *args: str) -> str:
        """Runs `sagebrush ...` on this installation and returns what it prints."""
        words = [NODE, COMMAND, args[0], "--data-dir", self.data_dir, *args[1:]]
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def environment(self, *flags: str) -> dict:
        """The variables that `sagebrush env` exports."""
        exports = {}
        for line in self.command("env", *flags).splitlines():
            if line.startswith("export "):
                name, value = line.removeprefix("export ").split("=", 1)
                exports[name] = shlex.split(value)[0] if value else ""
        return exports

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.command("down", "--all")
        self.log.close()


@pytest.fixture(scope="session")
def sagebrush(tmp_path_factory):
    server = Sagebrush(tmp_path_factory.mktemp("sagebrush"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def user_environment(sagebrush):
    """os.environ as a user has it after `eval "$(sagebrush env --intercept)"`."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**clean, **sagebrush.environment("--intercept"), "HOME": str(sagebrush.data_dir)}


@pytest.fixture(scope="session")
def client_environment(user_environment):
    """The user's environment, but where the SageMaker SDK sleeps between two looks, it sleeps a tenth of that."""
    # The interception's folder has a file of the same name, which runs this one too.
    path = ":".join([user_environment["PYTHONPATH"], str(QUICK_WAITS)])
    return {**user_environment, "PYTHONPATH": path}


@pytest.fixture
def name():
    """A name that no other test uses."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def penguins(tmp_path_factory):
    """The quickstart's data as files: train.csv (label first) and the rows of test.csv (features only) with labels."""
    records = json.loads((ROOT / "node_modules/vega-datasets/data/penguins.json").read_text())
    columns = ["Beak Length (mm)", "Beak Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"]
    complete = [r for r in records if all(isinstance(r[c], (int, float)) for c in columns)]
    species = sorted({r["Species"] for r in complete})
    # 7 and the number of rows have no common divisor: a fixed shuffle.
    shuffled = [complete[(i * 7) % len(complete)] for i in range(len(complete))]
    rows = [(species.index(r["Species"]), [r[c] for c in columns]) for r in shuffled]
    train = [row for i, row in enumerate(rows) if i % 3]
    held_out = [row for i, row in enumerate(rows) if i % 3 == 0]
    directory = tmp_path_factory.mktemp("penguins")
    path = directory / "train.csv"
    path.write_text("".join(f"{label},{','.join(map(str, features))}\n" for label, features in train))
    return {"directory": directory, "train": path, "rows": train, "held_out": held_out}


def readme_snippet(title: str) -> str:
    """The code block of README.md that follows the comment `<!-- snippet: TITLE -->`."""
    text = (ROOT / "README.md").read_text()
    match = re.search(rf"<!-- snippet: {re.escape(title)} -->\n+```\w+\n(.*?)```", text, re.S)
    assert match, f"README.md has no snippet called {title}"
    return match[1]
