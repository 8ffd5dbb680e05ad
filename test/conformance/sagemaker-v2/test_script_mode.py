"""SageMaker Python SDK v2: framework estimators with unchanged scripts."""

import json
import subprocess
import tarfile
import textwrap

from conftest import SCRIPTS, run_python

# What every program here begins with. Waiting for a job by fit() looks every 30 s; this one looks often.
PRELUDE = f"""
import json, os, time
import sagemaker
session = sagemaker.Session()
role = sagemaker.get_execution_role()
common = dict(role=role, instance_type="ml.m5.large", source_dir={str(SCRIPTS)!r})
SKLEARN = dict(framework_version="1.4-2", py_version="py3")

def start(estimator, train=None):
    estimator.fit(train and {{"train": train}}, wait=False)
    return estimator

def end(estimator):
    name = estimator.latest_training_job.name
    while True:
        job = session.sagemaker_client.describe_training_job(TrainingJobName=name)
        if job["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
            return job
        time.sleep(0.2)

def log(estimator):
    name = estimator.latest_training_job.name
    events = session.boto_session.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/", limit=1000)["events"]
    return "\\n".join(event["message"] for event in events)
"""


def run(code: str, environment: dict) -> str:
    return run_python(PRELUDE + textwrap.dedent(code), environment)


def test_scikit_learn_trains_on_a_csv_and_answers(client_environment, penguins, tmp_path):
    shown = run(
        f"""
        from sagemaker.sklearn import SKLearn
        estimator = SKLearn(entry_point="penguins.py", instance_count=1, hyperparameters={{"strength": 10.0, "max-iter": 500}},
                            **SKLEARN, **common)
        estimator.fit({{"train": session.upload_data({str(penguins["train"])!r}, key_prefix="penguins-script")}})
        session.download_data({str(tmp_path)!r}, *estimator.model_data[5:].split("/", 1))
        predictor = estimator.deploy(1, "ml.m5.large")
        rows = {[row[1] for row in penguins["held_out"]]!r}
        print("PREDICTED", json.dumps(predictor.predict(rows).tolist()))
        predictor.delete_endpoint()
        """,
        client_environment,
    )
    assert "hosts=['algo-1']" in shown
    assert float(shown.split("accuracy=")[1].split(";")[0]) > 0.97
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert archive.getnames() == ["model.joblib"]
    predicted = json.loads(shown.split("PREDICTED ")[1].splitlines()[0])
    labels = [row[0] for row in penguins["held_out"]]
    assert sum(p == label for p, label in zip(predicted, labels)) / len(labels) > 0.97


def test_xgboost_in_script_mode(client_environment, penguins):
    shown = run(
        f"""
        from sagemaker.xgboost import XGBoost
        estimator = XGBoost(entry_point="boosted.py", framework_version="3.0-5", instance_count=1,
                            hyperparameters={{"num_round": 20}}, **common)
        start(estimator, session.upload_data({str(penguins["train"])!r}, key_prefix="penguins-xgboost"))
        print("STATUS", end(estimator)["TrainingJobStatus"], log(estimator))
        """,
        client_environment,
    )
    assert "STATUS Completed" in shown
    assert float(shown.split("error=")[1].split()[0]) < 0.02


def test_failures_say_why(client_environment, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "train.py").write_text("import os\nprint('started')\nraise ValueError('no learning rate fits')\n")
    (tmp_path / "demanding").mkdir()
    (tmp_path / "demanding" / "train.py").write_text("print('never')\n")
    (tmp_path / "demanding" / "requirements.txt").write_text("--no-index\nno-such-package==7.7\n")
    shown = run(
        f"""
        from sagemaker.sklearn import SKLearn
        def job(**changes):
            return start(SKLearn(instance_count=1, **{{**SKLEARN, **common, "entry_point": "train.py", **changes}}))
        jobs = dict(bad=job(source_dir={str(tmp_path / "bad")!r}), demanding=job(source_dir={str(tmp_path / "demanding")!r}))
        # The SDK itself looks for an entry point in a local folder, not in an archive that is in S3 already.
        uploaded = end(jobs["bad"])["HyperParameters"]["sagemaker_submit_directory"].strip('"')
        jobs["misnamed"] = job(source_dir=uploaded, entry_point="trian.py")
        print("ENDS", json.dumps({{name: (end(each)["TrainingJobStatus"], end(each)["FailureReason"]) for name, each in jobs.items()}}))
        try:
            job(framework_version="0.20.0", source_dir={str(tmp_path / "bad")!r})
        except session.sagemaker_client.exceptions.ClientError as error:
            print("REFUSED", error)
        """,
        client_environment,
    )
    ends = json.loads(shown.split("ENDS ")[1].splitlines()[0])
    status, reason = ends["bad"]
    assert status == "Failed" and reason.startswith("AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage")
    assert "ValueError: no learning rate fits" in reason and reason.endswith(', exit code: 1')
    status, reason = ends["demanding"]
    assert status == "Failed" and "InstallRequirementsError" in reason and "no-such-package==7.7" in reason
    status, reason = ends["misnamed"]
    assert status == "Failed" and "the entry point trian.py does not exist" in reason and "which has: train.py" in reason
    assert "tag 0.20.0-cpu-py3 of sagemaker-scikit-learn cannot be had; these can: 1.4-2, 1.2-1" in shown


def test_code_from_a_git_repository(client_environment, tmp_path):
    work, bare = tmp_path / "work", tmp_path / "code.git"
    (work / "src").mkdir(parents=True)
    identity = ["-c", "user.name=A Scientist", "-c", "user.email=scientist@example.com"]

    def git(*words):
        subprocess.run(["git", "-C", work, *identity, *words], check=True, capture_output=True, timeout=60)

    def commit(word):
        (work / "src" / "train.py").write_text(f"import part\nprint('entry of', {word!r}, part.NAME)\n")
        (work / "src" / "part.py").write_text("NAME = 'beside its part'\n")
        git("add", ".")
        git("commit", "--quiet", "-m", word)

    git("init", "--quiet", "-b", "main")
    commit("main")
    git("checkout", "--quiet", "-b", "experiment")
    commit("the branch")
    git("clone", "--quiet", "--bare", ".", str(bare))
    # The SDK takes no paths and no file:// addresses; git itself leads this one to the repository here.
    rewritten = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{bare}.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://git.example.com/team/code.git",
        "GIT_TERMINAL_PROMPT": "0",
    }
    shown = run(
        """
        from sagemaker.sklearn import SKLearn
        source = dict(repo="https://git.example.com/team/code.git", branch="experiment")
        estimator = SKLearn(entry_point="train.py", instance_count=1, git_config=source, **{**SKLEARN, **common, "source_dir": "src"})
        print("STATUS", end(start(estimator))["TrainingJobStatus"], log(estimator))
        """,
        {**client_environment, **rewritten},
    )
    assert "STATUS Completed" in shown
    assert "entry of the branch beside its part" in shown


def test_code_that_is_a_package(client_environment, tmp_path):
    package = tmp_path / "own" / "jobs"
    package.mkdir(parents=True)
    (tmp_path / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='own', version='1.5', packages=['own', 'own.jobs'])\n")
    (tmp_path / "own" / "__init__.py").write_text("WORD = 'installed'\n")
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text(
        "import importlib.metadata, sys\nfrom .. import WORD\n"
        "print(__package__, WORD, importlib.metadata.version('own'), sys.argv[1:])\n")
    shown = run(
        f"""
        from sagemaker.sklearn import SKLearn
        estimator = SKLearn(entry_point="own/jobs/train.py", instance_count=1, hyperparameters={{"epochs": 2}},
                            **{{**SKLEARN, **common, "source_dir": {str(tmp_path)!r}}})
        print("STATUS", end(start(estimator))["TrainingJobStatus"], log(estimator))
        """,
        client_environment,
    )
    assert "STATUS Completed" in shown
    assert "own.jobs installed 1.5 ['--epochs', '2']" in shown
