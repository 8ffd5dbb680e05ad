"""SageMaker Python SDK v2: AutoML and AutoMLV2, from fit() to an endpoint, and the notebooks that a job leaves."""

import csv
import json
import random
import re
import textwrap

import pytest
from conftest import ROOT, run_python


@pytest.fixture(scope="module")
def clients_csv(tmp_path_factory):
    """Clients with a town, an age with gaps and a note; whether they stay follows from all three, but for some noise."""
    chance = random.Random(3)
    path = tmp_path_factory.mktemp("automl") / "clients.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["age", "town", "note", "stays"])
        for _ in range(300):
            age, town = chance.randint(18, 80), chance.choice(["Rome", "Oslo", "Pune, India"])
            late = chance.random() < 0.5
            score = (age - 45) / 10 + (2 if town == "Oslo" else 0) - (2 if late else 0) + chance.gauss(0, 0.4)
            note = "often late with payments" if late else 'a "good" client of ours'
            writer.writerow([age if chance.random() > 0.05 else "", town, note, "yes" if score > 0 else "no"])
    return path


def test_the_any_penguin_example_and_what_its_job_leaves(client_environment):
    more = textwrap.dedent("""
        told, best = auto.describe_auto_ml_job(), auto.best_candidate()
        print("status", told["AutoMLJobStatus"], told["ResolvedAttributes"]["ProblemType"])
        s3 = session.boto_session.client("s3")
        place = best["CandidateProperties"]["CandidateArtifactLocations"]["ModelInsights"]
        bucket, key = place.removeprefix("s3://").split("/", 1)
        print("reports", [each["Key"].rsplit("/", 1)[1] for each in s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]])
        place = told["AutoMLJobArtifacts"]["DataExplorationNotebookLocation"]
        bucket, key = place.removeprefix("s3://").split("/", 1)
        for cell in json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), globals())
    """)
    shown = run_python((ROOT / "examples/any-penguin/any_penguin.py").read_text() + more, client_environment)
    right, asked = map(int, re.search(r"(\d+) of (\d+) penguins recognised", shown).groups())
    assert asked == 43 and right >= 41, shown
    assert len(re.findall(r"-t[12]-1-[0-9a-f]{8}: Accuracy ", shown)) == 2, shown
    assert "status Completed MulticlassClassification" in shown
    for name in ("confusion_matrix.svg", "roc_curve_0.svg", "precision_recall_curve_2.svg", "statistics.json"):
        assert name in shown
    rows = int(re.search(r"(\d+) rows, 7 columns", shown)[1])  # printed by the notebook
    assert abs(rows - 0.8 * 301) <= 3, shown  # classes keep their shares


def test_a_search_is_fitted_deployed_and_done_again_by_its_notebook(client_environment, clients_csv):
    shown = run_python(
        textwrap.dedent(f"""
            import json
            import sagemaker
            from sagemaker.automl.automlv2 import AutoMLDataChannel, AutoMLTabularConfig, AutoMLV2
            from sagemaker.deserializers import CSVDeserializer
            from sagemaker.serializers import CSVSerializer

            session = sagemaker.Session()
            data = session.upload_data({str(clients_csv)!r}, key_prefix="automl-v2")
            config = AutoMLTabularConfig(target_attribute_name="stays", mode="HYPERPARAMETER_TUNING", max_candidates=2)
            auto = AutoMLV2(config, role=sagemaker.get_execution_role(), endpoint_name="automl-deployed",
                            sagemaker_session=session)
            auto.fit(AutoMLDataChannel(s3_data_type="S3Prefix", s3_uri=data), job_name="automl-search")
            told = auto.describe_auto_ml_job()
            print("status", told["AutoMLJobStatus"], len(told["BestCandidate"]["InferenceContainers"]))
            deployed = sagemaker.predictor.Predictor(told["ModelDeployResult"]["EndpointName"], session,
                                                     CSVSerializer(), CSVDeserializer())
            print("deployed", deployed.predict([[70, "Oslo", 'a "good" client of ours']]))
            deployed.delete_endpoint()
            predictor = auto.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer(),
                                    predictor_cls=sagemaker.predictor.Predictor,
                                    inference_response_keys=["predicted_label", "probabilities"])
            print("answers", json.dumps(predictor.predict([[70, "Oslo", 'a "good" client of ours'], ["", "Rome", "late"]])))
            predictor.delete_endpoint()
            s3 = session.boto_session.client("s3")
            bucket, key = told["AutoMLJobArtifacts"]["CandidateDefinitionNotebookLocation"].removeprefix("s3://").split("/", 1)
            notebook = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
            for cell in notebook["cells"]:
                if cell["cell_type"] == "code":
                    exec("".join(cell["source"]).replace("candidates_per_pipeline, parallel = 5", "candidates_per_pipeline, parallel = 1"), globals())
        """),
        client_environment,
    )
    assert "status Completed 3" in shown
    assert "deployed [['yes']]" in shown
    answers = json.loads(re.search(r"answers (.*)", shown)[1])
    assert len(answers) == 2 and answers[0][0] == "yes", shown
    assert re.search(r"model/automl-searc-[0-9a-f]{6}", shown), shown  # printed by the notebook
