"""CloudWatch's metrics and the metrics of experiments, as boto3 speaks to them."""

import datetime

import boto3
import botocore.exceptions
import pytest


def session_of(environment):
    return boto3.session.Session(
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )


@pytest.fixture
def cloudwatch(client_environment):
    return session_of(client_environment).client("cloudwatch", endpoint_url=client_environment["AWS_ENDPOINT_URL"])


def test_statistics_of_what_was_put(cloudwatch, name):
    now = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)
    dimensions = [{"Name": "Host", "Value": f"{name}/algo-1"}]
    # More than 10 KB: botocore compresses it.
    data = [
        {"MetricName": "cpu", "Dimensions": dimensions, "Timestamp": now, "Value": float(value), "Unit": "Percent"}
        for value in range(1, 301)
    ]
    cloudwatch.put_metric_data(Namespace=name, MetricData=data)
    ask = dict(Namespace=name, MetricName="cpu", Dimensions=dimensions, Period=60)
    times = dict(StartTime=now - datetime.timedelta(minutes=5), EndTime=now + datetime.timedelta(minutes=1))
    found = cloudwatch.get_metric_statistics(**ask, **times, Statistics=["Average", "Maximum", "SampleCount"])
    assert found["Datapoints"] == [
        {"Timestamp": now, "Average": 150.5, "Maximum": 300.0, "SampleCount": 300.0, "Unit": "Percent"}
    ]
    metric = {"Namespace": name, "MetricName": "cpu", "Dimensions": dimensions}
    queries = [
        {"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "p50"}},
        {"Id": "half", "Expression": "a / 2"},
    ]
    results = cloudwatch.get_metric_data(MetricDataQueries=queries, **times)["MetricDataResults"]
    median = results[0]["Values"][0]
    assert abs(median / 150 - 1) < 0.03
    assert results[1]["Values"] == [median / 2]
    listed = list(cloudwatch.get_paginator("list_metrics").paginate(Namespace=name))
    assert [page["Metrics"] for page in listed] == [[metric]]


def test_errors_have_their_old_names(cloudwatch, name):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        cloudwatch.put_metric_data(Namespace="AWS/S3", MetricData=[{"MetricName": "a", "Value": 1}])
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert isinstance(refused.value, cloudwatch.exceptions.InvalidParameterValueException)


def test_metrics_of_a_run(client_environment, name):
    metrics = session_of(client_environment).client(
        "sagemaker-metrics", endpoint_url=client_environment["AWS_ENDPOINT_URL"]
    )
    start = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    data = [
        {"MetricName": "loss", "Timestamp": start + datetime.timedelta(seconds=step), "Step": step, "Value": 1 / (step + 1)}
        for step in range(10)
    ]
    assert "Errors" not in metrics.batch_put_metrics(TrialComponentName=name, MetricData=data)
    query = {
        "MetricName": "loss",
        "ResourceArn": f"arn:aws:sagemaker:us-east-1:000000000000:experiment-trial-component/{name}",
        "MetricStat": "Last",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
    }
    (result,) = metrics.batch_get_metrics(MetricQueries=[query])["MetricQueryResults"]
    assert result["Status"] == "Complete"
    assert result["XAxisValues"] == list(range(10))
    assert result["MetricValues"] == [1 / (step + 1) for step in range(10)]
