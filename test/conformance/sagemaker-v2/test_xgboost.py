"""XGBoost as a built-in algorithm, by its image's URI: fit with a validation channel, the artifact, deploy, predict."""

import json
import os
import shutil
import tarfile
import textwrap

import pytest

from conftest import ROOT, run_python


def program(body: str) -> str:
    return textwrap.dedent(
        """
        import json
        import sagemaker
        from sagemaker.estimator import Estimator
        from sagemaker.inputs import TrainingInput
        from sagemaker.serializers import CSVSerializer
        from sagemaker.deserializers import CSVDeserializer, JSONDeserializer
        session = sagemaker.Session()
        image = sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5")
        def estimator(**hyperparameters):
            return Estimator(image_uri=image, role=sagemaker.get_execution_role(), instance_count=1,
                             instance_type="ml.m5.large", hyperparameters=hyperparameters)
        """
    ) + textwrap.dedent(body)


def needs_missing(*programs):
    """Whether this machine lacks what networks between hosts need."""
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    return os.geteuid() != 0 or any(shutil.which(each, path=path) is None for each in programs)


def csv(path, rows):
    path.write_text("".join(f"{label},{','.join(map(str, features))}\n" for label, features in rows))
    return str(path)


def test_fit_deploy_predict(client_environment, penguins, tmp_path):
    xgboost = pytest.importorskip("xgboost")
    train = csv(tmp_path / "train.csv", penguins["rows"])
    validation = csv(tmp_path / "validation.csv", penguins["held_out"])
    features = [row[1] for row in penguins["held_out"]]
    shown = run_python(
        program(f"""
        learner = estimator(objective="multi:softprob", num_class=3, num_round=30, max_depth=4, eta=0.3,
                            eval_metric="mlogloss,merror", early_stopping_rounds=10)
        upload = lambda path, name: TrainingInput(session.upload_data(path, key_prefix="xgb-" + name), content_type="text/csv")
        learner.fit({{"train": upload({train!r}, "train"), "validation": upload({validation!r}, "validation")}})
        frame = learner.training_job_analytics.dataframe()
        print("METRICS", json.dumps(sorted(set(frame["metric_name"]))))
        session.download_data({str(tmp_path)!r}, *learner.model_data.removeprefix("s3://").split("/", 1))
        predictor = learner.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer())
        rows = {json.dumps(features)}
        print("CSV", json.dumps(predictor.predict(rows)))
        predictor.deserializer = JSONDeserializer()
        print("JSON", json.dumps(predictor.predict(rows)))
        predictor.delete_endpoint()
        """),
        client_environment,
    )
    # fit() prints the rounds as the service's log has them.
    assert "[0]#011train-mlogloss:" in shown and "#011validation-merror:" in shown
    assert json.loads(shown.split("METRICS ")[1].splitlines()[0]) == ["validation:merror", "validation:mlogloss"]
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        assert archive.getnames() == ["xgboost-model"]
        archive.extractall(tmp_path, filter="data")
    booster = xgboost.Booster()
    booster.load_model(tmp_path / "xgboost-model")
    import numpy

    expected = booster.predict(xgboost.DMatrix(numpy.array(features)))
    answered = numpy.array(json.loads(shown.split("CSV ")[1].splitlines()[0]), dtype=float)
    # Sums are the library's to the last bit; two exponential functions may differ in it.
    assert numpy.allclose(answered, expected, rtol=1e-6, atol=0)
    scores = [each["score"] for each in json.loads(shown.split("JSON ")[1].splitlines()[0])["predictions"]]
    assert numpy.allclose(scores, expected, rtol=1e-6, atol=0)
    # The library of the same version makes the same trees in Python.
    matrices = [xgboost.DMatrix(numpy.array([row[1] for row in part]), [row[0] for row in part]) for part in (penguins["rows"], penguins["held_out"])]
    same = xgboost.train(
        dict(objective="multi:softprob", num_class=3, max_depth=4, eta=0.3, eval_metric=["mlogloss", "merror"]),
        matrices[0],
        30,
        evals=[(matrices[0], "train"), (matrices[1], "validation")],
        callbacks=[xgboost.callback.EarlyStopping(rounds=10, save_best=True, data_name="validation", metric_name="merror")],
        verbose_eval=False,
    )
    assert numpy.array_equal(same.predict(matrices[1]), expected)
    labels = [row[0] for row in penguins["held_out"]]
    assert (answered.argmax(axis=1) == labels).mean() > 0.95


def test_bad_hyperparameters_fail_the_job(client_environment, penguins):
    shown = run_python(
        program(f"""
        learner = estimator(objective="reg:squarederror", eta=1.5, learnig_rate=0.1)
        try:
            learner.fit({{"train": TrainingInput(session.upload_data({str(penguins["train"])!r}, key_prefix="xgb-bad"), content_type="csv")}})
        except sagemaker.exceptions.UnexpectedStatusException as error:
            print("FAILED", json.dumps(str(error)))
        """),
        client_environment,
    )
    reason = json.loads(shown.split("FAILED ")[1].splitlines()[0])
    assert "Extraneous hyperparameter found: learnig_rate" in reason
    assert "Missing required hyperparameter: num_round" in reason
    assert "Hyperparameter eta: 1.5 is not in [0, 1]" in reason


def test_script_mode_keeps_the_same_image(client_environment, penguins):
    """With an entry point the image is a framework's, without one an algorithm."""
    shown = run_python(
        program("""
        sm = session.sagemaker_client
        def kind(**more):
            try:
                sm.create_model(ModelName="xgb-" + str(len(more)), ExecutionRoleArn=sagemaker.get_execution_role(),
                                PrimaryContainer={"Image": more.pop("image", image), **more})
                return "accepted"
            except sm.exceptions.ClientError as error:
                return str(error)
        print("KINDS", json.dumps([kind(), kind(image="sagemaker-xgboost:0.90-1"), kind(image="xgboost:1")]))
        """),
        client_environment,
    )
    accepted, unknown_tag, too_old = json.loads(shown.split("KINDS ")[1].splitlines()[0])
    assert accepted == "accepted"
    assert "these can: 3.2-0, 3.0-5, 1.7-1" in unknown_tag
    assert "XGBoost 0.72" in too_old and "sagemaker-xgboost" in too_old


def test_modes_formats_and_hosts(client_environment, penguins, tmp_path):
    """Parquet by FastFile, CSV by Pipe, and shards on two hosts make the model that one file makes."""
    fixtures = ROOT / "packages/algorithms/src/formats/parquet/fixtures"
    lines = [
        ",".join("" if value is None else repr(value) for value in row) + "\n"
        for row in json.loads((fixtures / "rows.json").read_text())
    ]
    (tmp_path / "whole.csv").write_text("".join(lines))
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "a.csv").write_text("".join(lines[:100]))
    (tmp_path / "shards" / "b.csv").write_text("".join(lines[100:]))
    parquet = str(fixtures / "zstd-v2.parquet")
    hosts = 1 if needs_missing("bwrap", "ip", "nft") else 2
    shown = run_python(
        program(f"""
        def learn(name, path, hosts=1, **channel):
            learner = estimator(objective="multi:softprob", num_class=3, num_round=5, max_depth=3, tree_method="hist", max_bin=512,
                                eval_metric="mlogloss")
            learner.instance_count = hosts
            # FastFile takes a whole folder.
            folder = session.upload_data(path, key_prefix="xgb-" + name) and f"s3://{{session.default_bucket()}}/xgb-{{name}}/"
            learner.fit({{"train": TrainingInput(folder, **channel)}}, wait=False)
            return learner
        def last(learner):
            name = learner.latest_training_job.name
            waiter = session.sagemaker_client.get_waiter("training_job_completed_or_stopped")
            waiter.wait(TrainingJobName=name, WaiterConfig={{"Delay": 1, "MaxAttempts": 500}})
            events = session.boto_session.client("logs").filter_log_events(
                logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name + "/")["events"]
            rounds = [each["message"] for each in events if each["message"].startswith("[4]#011")]
            return rounds[0] if len(rounds) == 1 else rounds
        jobs = [learn("whole", {str(tmp_path / "whole.csv")!r}, content_type="text/csv"),
                learn("parquet", {parquet!r}, content_type="application/x-parquet", input_mode="FastFile"),
                learn("pipe", {str(tmp_path / "whole.csv")!r}, content_type="text/csv", input_mode="Pipe"),
                learn("hosts", {str(tmp_path / "shards")!r}, {hosts}, content_type="text/csv", distribution="ShardedByS3Key")]
        print("LAST", json.dumps([last(each) for each in jobs]))
        """),
        client_environment,
    )
    whole, *others = json.loads(shown.split("LAST ")[1].splitlines()[0])
    assert whole.startswith("[4]#011train-mlogloss:")
    assert others == [whole] * 3


def test_the_example_of_late_flights(client_environment):
    shown = run_python((ROOT / "examples/late-flights/late_flights.py").read_text(), client_environment)
    assert float(shown.split("area under the curve ")[1].split()[0]) > 0.65
    assert "minutes late" in shown
