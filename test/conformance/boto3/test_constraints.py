"""The constraint tables are what the pinned botocore says."""

import subprocess
import sys

from conftest import ROOT


def test_the_tables_are_current():
    result = subprocess.run(
        [sys.executable, ROOT / "scripts" / "generate-constraints.py", "--check"], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
