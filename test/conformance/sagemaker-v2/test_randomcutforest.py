"""SageMaker Python SDK v2: the RandomCutForest class, every mode and format, and the example."""

import json
import re
import textwrap

from batch_answers import BATCH_ANSWERS
from conftest import ROOT
from test_first_model import run


def test_random_cut_forest_class_with_record_set(client_environment, tmp_path):
    shown = run(
        BATCH_ANSWERS
        + textwrap.dedent("""
            import numpy
            import sagemaker
            from sagemaker import RandomCutForest

            random = numpy.random.default_rng(3)
            train = random.normal(size=(4032, 3)).astype("float32")
            labels = (numpy.arange(1000) % 50 == 0).astype("float32")
            held_out = (random.normal(size=(1000, 3)) + 9 * labels[:, None]).astype("float32")

            forest = RandomCutForest(role=sagemaker.get_execution_role(), instance_count=2, instance_type="ml.m5.large",
                                     num_trees=50, num_samples_per_tree=512,
                                     eval_metrics=["accuracy", "precision_recall_fscore"])
            test = forest.record_set(held_out, labels=labels, channel="test", distribution="FullyReplicated")
            forest.fit([forest.record_set(train), test])
            metrics = {each["MetricName"]: each["Value"]
                       for each in forest.latest_training_job.describe()["FinalMetricDataList"]}
            print("f1", metrics["test:f1"] > 0.9)
            print("progress", metrics["train:progress"] == 100)

            predictor = forest.deploy(1, "ml.m5.large")
            answers = predictor.predict(held_out)
            scores = numpy.array([each.label["score"].float32_tensor.values[0] for each in answers])
            called = scores > scores.mean() + 3 * scores.std()
            hits = (called & (labels == 1)).sum()
            print("same f1", abs(metrics["test:f1"] - 2 * hits / (called.sum() + labels.sum())) < 1e-9)
            print("scale", scores[labels == 0].mean() < 1.2 < 2 < scores[labels == 1].mean())
            print("batch", batch_answers(forest, held_out) == list(answers))
            predictor.delete_endpoint()

            sharded = forest.record_set(held_out, labels=labels, channel="test")
            try:
                forest.fit([forest.record_set(train), sharded])
            except Exception as error:
                print(error)
        """),
        client_environment,
        timeout=600,
    )
    # ForestInfo of recorded logs: 4,032 rows make 80 a tree.
    assert "ForestInfo{num_trees: 50, num_samples_in_forest: 4000, num_samples_per_tree: 80, sample_dim: 3," in shown
    assert "completed 100 % epochs" in shown
    for what in ("f1", "progress", "same f1", "scale", "batch"):
        assert f"{what} True" in shown, shown
    assert "S3DistributionType of channel 'test' must be 'FullyReplicated'" in shown


def test_csv_in_every_mode_and_every_answer(client_environment, penguins):
    shown = run(
        textwrap.dedent(f"""
            import sagemaker
            from sagemaker.deserializers import JSONDeserializer, JSONLinesDeserializer
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput
            from sagemaker.serializers import CSVSerializer, JSONLinesSerializer, JSONSerializer

            session = sagemaker.Session()
            rows = "".join(line.split(",", 1)[1] for line in open({str(penguins["train"])!r}))
            where = session.upload_string_as_file_body(rows, session.default_bucket(), "forest-modes/rows/all.csv", None)
            image = sagemaker.image_uris.retrieve("randomcutforest", session.boto_region_name)
            estimators = {{}}
            for mode in ("File", "FastFile", "Pipe"):
                estimator = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", input_mode=mode)
                estimator.set_hyperparameters(feature_dim=4, num_trees=50)
                channel = TrainingInput(where.removesuffix("all.csv"), content_type="text/csv;label_size=0",
                                        distribution="ShardedByS3Key")
                estimator.fit({{"train": channel}}, wait=False)
                estimators[mode] = estimator
            answers = []
            for mode, estimator in estimators.items():
                estimator.latest_training_job.wait(logs=False)
                print(mode, estimator.latest_training_job.describe()["TrainingJobStatus"])
                predictor = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=JSONDeserializer())
                answers.append(predictor.predict([[50, 18, 200, 4000], [90, 50, 20, 9000]]))
                if mode != "Pipe":
                    predictor.delete_endpoint()
            print("same", answers[0] == answers[1] == answers[2])
            normal, odd = (each["score"] for each in answers[0]["scores"])
            print("odd", odd > 2 * normal)
            predictor.serializer = JSONSerializer()
            dense = predictor.predict({{"instances": [{{"features": [50, 18, 200, 4000]}}]}})
            print("json", dense == {{"scores": [{{"score": normal}}]}})
            sparse = {{"keys": [0, 1, 2, 3], "shape": [4], "values": [50, 18, 200, 4000]}}
            predictor.serializer, predictor.deserializer = JSONLinesSerializer(), JSONLinesDeserializer()
            lines = predictor.predict([{{"data": {{"features": sparse}}}}, {{"features": [90, 50, 20, 9000]}}])
            print("lines", lines == [{{"score": normal}}, {{"score": odd}}])
            predictor.delete_endpoint()
        """),
        client_environment,
        timeout=600,
    )
    for mode in ("File", "FastFile", "Pipe"):
        assert f"{mode} Completed" in shown
    for what in ("odd", "json", "lines", "same"):
        assert f"{what} True" in shown, shown


def test_the_odd_days_example(client_environment):
    shown = run((ROOT / "examples/odd-days/odd_days.py").read_text(), client_environment, timeout=600)
    days = re.findall(r"odd day: (\d{4}-\d{2})-\d{2}, score ([\d.]+)", shown)
    assert len(days) == 10
    # The crises of 2008 and of 2020 stand out, whichever of their days do.
    assert {"2008-10", "2020-03"} <= {month for month, _ in days}
    counts = json.loads("{" + re.sub(r"(\d{4}): (\d+)", r'"\1": \2', re.search(r"days; (.*)", shown)[1]) + "}")
    assert counts["2008"] > counts["2005"] and counts["2017"] <= counts["2020"]
