"""Python runs this at its start where this folder is on PYTHONPATH: the SageMaker SDK's waits become short.

`fit()` of SDK v2 sleeps 5 s, then looks at the log every 10 s and at the job every 30 s; `deploy()` looks every 30 s. Jobs
here take a second, so nearly all of the suite's time was those sleeps. Only the module that waits is told another time:
signatures, logs and scripts see the real one, and the SDK's code is as it is published.
"""

import importlib.abc
import importlib.machinery
import sys
import time

SPEED = 10
WAITS = "sagemaker.session"


class QuickTime:
    """The module `time` of a world that is SPEED times as fast."""

    def __init__(self):
        self.start = time.time()

    def time(self) -> float:
        return self.start + (time.time() - self.start) * SPEED

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / SPEED)

    def __getattr__(self, name: str):
        return getattr(time, name)


class Hook(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads the one module as usual, then gives it its time."""

    def find_spec(self, fullname, path, target=None):
        if fullname != WAITS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        # An SDK without this import waits some other way, and this file would quietly do nothing.
        assert module.time is time, f"{WAITS} does not wait by the module time"
        module.time = QuickTime()


sys.meta_path.insert(0, Hook())
