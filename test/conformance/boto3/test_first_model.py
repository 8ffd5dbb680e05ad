"""The README's boto3 snippet, run as it stands."""

import subprocess
import sys

from conftest import ROOT, readme_snippet


def test_readme_snippet(client_environment):
    result = subprocess.run(
        [sys.executable, "-c", readme_snippet("boto3")],
        cwd=ROOT, env=client_environment, capture_output=True, text=True, timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert "Completed s3://penguins/models/penguins-boto3/output/model.tar.gz" in result.stdout
    assert "'predicted_label': 0" in result.stdout
