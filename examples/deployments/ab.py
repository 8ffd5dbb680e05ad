"""A/B: two models share traffic, what turned out to be true is uploaded, and `sagebrush compare` says which one is better.

Run it in the clone's folder with `pip install boto3`, after `eval "$(sagebrush env)"`.
"""

import json
import time

import boto3
from shared import BUCKET, ROWS, STAMP, Load, create, s3, sagemaker, version

runtime = boto3.client("sagemaker-runtime")
endpoint = "ab"
variants = [
    {"VariantName": name, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": 1}
    for name, model in (("Hasty", version("hasty", 1, rows=8)), ("Thorough", version("thorough", 30)))
]
captured = f"ab-{STAMP}/captured"
capture = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/{captured}",
    "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}
config = f"{endpoint}-{STAMP}"
sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants, DataCaptureConfig=capture)
create(endpoint, config)

truths = []
with Load(endpoint, callers=1):
    for number, row in enumerate(ROWS * 3):
        species, features = row.split(",", 1)
        # The id is what a prediction is found by when the truth is known.
        runtime.invoke_endpoint(
            EndpointName=endpoint, ContentType="text/csv", Accept="application/json", Body=features, InferenceId=f"{STAMP}-{number}"
        )
        truths.append(
            {
                "groundTruthData": {"data": species, "encoding": "CSV"},
                "eventMetadata": {"eventId": f"{STAMP}-{number}"},
                "eventVersion": "0",
            }
        )
labels = f"ab-{STAMP}/labels"
body = "\n".join(map(json.dumps, truths))
s3.put_object(Bucket=BUCKET, Key=f"{labels}/{time.strftime('%Y/%m/%d/%H', time.gmtime())}/labels.jsonl", Body=body)

# Captures and counts are written every ten seconds.
last, found = f'"inferenceId":"{STAMP}-{len(truths) - 1}"', False
while not found:
    time.sleep(0.5)
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix=captured).get("Contents", [])]
    found = any(last in s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys)
print("now run:")
print(f"sagebrush compare {endpoint} --ground-truth s3://{BUCKET}/{labels} --output s3://{BUCKET}/ab-{STAMP}/report")
