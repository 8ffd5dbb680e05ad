"""SageMaker Python SDK v2: PipelineModel at an endpoint and in a transform job, MultiDataModel of scripts and of a built-in algorithm."""

import json
import tarfile
import textwrap

from conftest import run_python

# A transformer in front of a model: it takes kilograms for grams.
SCALE = """
import json, os

def model_fn(folder):
    with open(os.path.join(folder, "factor.json")) as file:
        return json.load(file)

def input_fn(body, content_type):
    assert content_type == "text/csv", content_type
    text = body.decode() if isinstance(body, bytes) else body
    return [[float(value) for value in line.split(",")] for line in text.strip().splitlines()]

def predict_fn(rows, factor):
    return [[*row[:-1], row[-1] * factor] for row in rows]

def output_fn(rows, accept):
    return "\\n".join(",".join(map(str, row)) for row in rows), "text/csv"
"""


def archive(path, content, code=None):
    """A model.tar.gz of a factor and, where the model brings it, its script."""
    folder = path.parent / path.name.replace(".tar.gz", "")
    folder.mkdir()
    (folder / "factor.json").write_text(json.dumps(content))
    with tarfile.open(path, "w:gz") as packed:
        packed.add(folder / "factor.json", "factor.json")
        if code is not None:
            (folder / "inference.py").write_text(code)
            packed.add(folder / "inference.py", "code/inference.py")


def test_pipelines_and_multi_model_endpoints(client_environment, penguins, tmp_path):
    (tmp_path / "scale.py").write_text(SCALE)
    archive(tmp_path / "kilograms.tar.gz", 1000.0)
    archive(tmp_path / "tenfold.tar.gz", 10.0, SCALE)
    archive(tmp_path / "doubled.tar.gz", 2.0, SCALE.replace("row[-1] * factor", "row[-1] * factor + 0.5"))
    rows = [row[1] for row in penguins["held_out"]]
    shown = run_python(
        textwrap.dedent(f"""
            import json, os, time
            import sagemaker
            from sagemaker.deserializers import JSONDeserializer, StringDeserializer
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput
            from sagemaker.multidatamodel import MultiDataModel
            from sagemaker.pipeline import PipelineModel
            from sagemaker.serializers import CSVSerializer
            from sagemaker.sklearn import SKLearnModel

            session = sagemaker.Session()
            role = sagemaker.get_execution_role()
            folder = {str(tmp_path)!r}
            bucket = session.default_bucket()
            grams = {rows!r}
            kilograms = [[*row[:-1], row[-1] / 1000] for row in grams]

            image = sagemaker.image_uris.retrieve("linear-learner", session.boto_region_name)
            estimator = Estimator(
                image, role, 1, "ml.m5.large",
                hyperparameters=dict(predictor_type="multiclass_classifier", num_classes=3, mini_batch_size=32, epochs=20))
            train = session.upload_data({str(penguins["train"])!r}, key_prefix="penguins-pipeline")
            estimator.fit({{"train": TrainingInput(train, content_type="text/csv")}})
            classifier = estimator.create_model()
            direct = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=JSONDeserializer())
            expected = [each["predicted_label"] for each in direct.predict(grams)["predictions"]]
            direct.delete_endpoint()

            scale = SKLearnModel(
                model_data=session.upload_data(os.path.join(folder, "kilograms.tar.gz"), key_prefix="scale"), role=role,
                entry_point=os.path.join(folder, "scale.py"), framework_version="1.4-2", sagemaker_session=session)
            pipeline = PipelineModel(models=[scale, classifier], role=role, sagemaker_session=session, predictor_cls=sagemaker.Predictor)
            predictor = pipeline.deploy(1, "ml.m5.large")
            predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
            answered = [each["predicted_label"] for each in predictor.predict(kilograms)["predictions"]]
            print("PIPELINE", answered == expected, len(set(expected)))
            predictor.delete_endpoint()

            with open(os.path.join(folder, "kilograms.csv"), "w") as file:
                file.writelines(",".join(map(str, row)) + "\\n" for row in kilograms)
            source = session.upload_data(os.path.join(folder, "kilograms.csv"), key_prefix="kilograms")
            transformer = pipeline.transformer(1, "ml.m5.large", assemble_with="Line", accept="text/csv",
                                               output_path=f"s3://{{bucket}}/transformed")
            transformer.transform(source, content_type="text/csv", split_type="Line", wait=False)
            job = transformer.latest_transform_job.job_name
            while session.sagemaker_client.describe_transform_job(TransformJobName=job)["TransformJobStatus"] == "InProgress":
                time.sleep(0.2)
            lines = session.read_s3_file(bucket, "transformed/kilograms.csv.out").splitlines()
            print("TRANSFORMED", [float(line.split(",")[-1]) for line in lines] == expected, len(lines))

            prefix = f"s3://{{bucket}}/scripts/"
            scripts = MultiDataModel("scripts", prefix, model=SKLearnModel(
                model_data=scale.model_data, role=role, entry_point=os.path.join(folder, "scale.py"),
                framework_version="1.4-2", sagemaker_session=session), sagemaker_session=session)
            for name in ("tenfold", "doubled"):
                scripts.add_model(os.path.join(folder, f"{{name}}.tar.gz"), f"{{name}}.tar.gz")
            predictor = scripts.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=StringDeserializer())
            print("SCRIPTS", sorted(scripts.list_models()), [
                predictor.predict([[1, 2]], target_model=f"{{name}}.tar.gz") for name in ("tenfold", "doubled", "tenfold")])
            predictor.delete_endpoint()

            many = MultiDataModel("learners", f"s3://{{bucket}}/learners/", image_uri=image, role=role, sagemaker_session=session)
            for name in ("a", "b"):
                many.add_model(estimator.model_data, f"{{name}}.tar.gz")
            many.deploy(1, "ml.m5.large", endpoint_name="learners")
            predictor = sagemaker.Predictor("learners", session, CSVSerializer(), JSONDeserializer())
            labels = [[each["predicted_label"] for each in predictor.predict(grams, target_model=f"{{name}}.tar.gz")["predictions"]]
                      for name in ("a", "b")]
            print("LEARNERS", labels == [expected, expected])
            try:
                predictor.predict(grams, target_model="c.tar.gz")
            except Exception as error:
                print("MISSING", error)
            predictor.delete_endpoint()
        """),
        client_environment,
    )
    assert "PIPELINE True 3" in shown, shown
    assert f"TRANSFORMED True {len(rows)}" in shown, shown
    assert "SCRIPTS ['doubled.tar.gz', 'tenfold.tar.gz'] ['1.0,20.0', '1.0,4.5', '1.0,20.0']" in shown, shown
    assert "LEARNERS True" in shown, shown
    assert "MISSING" in shown and "there is no such object" in shown, shown
