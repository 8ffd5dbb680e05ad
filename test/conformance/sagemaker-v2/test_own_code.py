"""The README's own-code snippet, with the SageMaker Python SDK v2."""

from conftest import readme_snippet, run_python


def test_readme_snippet(user_environment):
    shown = run_python(readme_snippet("own-code"), user_environment)
    assert "accuracy=0.9" in shown
    # The metric came back as a data frame with one row for it.
    assert "metric_name" in shown and " accuracy " in shown
