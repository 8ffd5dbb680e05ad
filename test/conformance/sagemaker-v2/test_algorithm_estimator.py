"""SageMaker Python SDK v2: an algorithm resource, validated, trained with AlgorithmEstimator and deployed."""

import json
import textwrap

from conftest import run_python

PROGRAM = """
import json, time
import sagemaker
from sagemaker.algorithm import AlgorithmEstimator
from sagemaker.deserializers import JSONDeserializer
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
role = sagemaker.get_execution_role()
client = session.sagemaker_client
image = sagemaker.image_uris.retrieve("linear-learner", session.boto_region_name)
data = session.upload_data({train!r}, key_prefix={name!r})

def parameter(name, kind, **changes):
    return dict(Name=name, Type=kind, **changes)

client.create_algorithm(
    AlgorithmName={name!r},
    TrainingSpecification=dict(
        TrainingImage=image,
        SupportedTrainingInstanceTypes=["ml.m5.large"],
        SupportedHyperParameters=[
            parameter("predictor_type", "FreeText", DefaultValue="multiclass_classifier"),
            parameter("num_classes", "Integer", IsRequired=True,
                      Range=dict(IntegerParameterRangeSpecification=dict(MinValue="2", MaxValue="9"))),
            parameter("mini_batch_size", "Integer", DefaultValue="32"),
            parameter("epochs", "Integer", DefaultValue="60"),
        ],
        TrainingChannels=[dict(Name="train", IsRequired=True, SupportedInputModes=["File"], SupportedContentTypes=["text/csv"])],
    ),
    InferenceSpecification=dict(
        Containers=[dict(Image=image)],
        SupportedContentTypes=["text/csv"],
        SupportedResponseMIMETypes=["application/json"],
        SupportedRealtimeInferenceInstanceTypes=["ml.m5.large"],
        SupportedTransformInstanceTypes=["ml.m5.large"],
    ),
    ValidationSpecification=dict(
        ValidationRole=role,
        ValidationProfiles=[dict(ProfileName="penguins", TrainingJobDefinition=dict(
            TrainingInputMode="File",
            HyperParameters=dict(num_classes="3"),
            InputDataConfig=[dict(ChannelName="train", ContentType="text/csv",
                                  DataSource=dict(S3DataSource=dict(S3DataType="S3Prefix", S3Uri=data)))],
            OutputDataConfig=dict(S3OutputPath="s3://" + session.default_bucket() + "/validated"),
            ResourceConfig=dict(InstanceType="ml.m5.large", InstanceCount=1, VolumeSizeInGB=1),
            StoppingCondition=dict(MaxRuntimeInSeconds=600),
        ))],
    ),
)
while True:
    algorithm = client.describe_algorithm(AlgorithmName={name!r})
    if algorithm["AlgorithmStatus"] in ("Completed", "Failed"):
        break
    time.sleep(0.2)
print("ALGORITHM", algorithm["AlgorithmStatus"], json.dumps(algorithm["AlgorithmStatusDetails"]["ValidationStatuses"]))

estimator = AlgorithmEstimator(algorithm["AlgorithmArn"], role, 1, "ml.m5.large", hyperparameters=dict(num_classes=3))
estimator.fit(dict(train=TrainingInput(data, content_type="text/csv")))
predictor = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=JSONDeserializer())
answer = predictor.predict({rows!r})
print("\\nPREDICTED", json.dumps([each["predicted_label"] for each in answer["predictions"]]))

endpoint = client.describe_endpoint(EndpointName=predictor.endpoint_name)
config = client.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
model = client.describe_model(ModelName=config["ProductionVariants"][0]["ModelName"])
[container] = model.get("Containers") or [model["PrimaryContainer"]]
package = client.describe_model_package(ModelPackageName=container["ModelPackageName"])
print("PACKAGE", json.dumps([package["SourceAlgorithmSpecification"], estimator.model_data, algorithm["AlgorithmArn"]]))
predictor.delete_model()
predictor.delete_endpoint()
client.delete_model_package(ModelPackageName=package["ModelPackageArn"])
client.delete_algorithm(AlgorithmName={name!r})
"""


def test_algorithm_estimator_fits_and_deploys(client_environment, penguins, name):
    rows = [row[1] for row in penguins["held_out"]]
    program = textwrap.dedent(PROGRAM).format(train=str(penguins["train"]), name=name, rows=rows)
    shown = run_python(program, client_environment)

    def told(word):
        return next(line for line in shown.splitlines() if line.startswith(word + " ")).removeprefix(word + " ")

    assert told("ALGORITHM") == 'Completed [{"Name": "penguins", "Status": "Completed"}]'
    predicted = json.loads(told("PREDICTED"))
    labels = [row[0] for row in penguins["held_out"]]
    assert sum(p == label for p, label in zip(predicted, labels)) / len(labels) > 0.95
    source, model, algorithm = json.loads(told("PACKAGE"))
    assert source["SourceAlgorithms"] == [{"ModelDataUrl": model, "AlgorithmName": algorithm}]
