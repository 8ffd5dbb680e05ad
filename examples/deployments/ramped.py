"""Ramped: traffic moves to the new instances in equal steps, each followed by a wait.

Run it in the clone's folder with `pip install boto3`, after `eval "$(sagebrush env)"`. In earnest the waits are minutes.
"""

from shared import Load, configuration, create, sagemaker, settle, version

endpoint = "ramped"
old, new = (configuration(endpoint, version(number, epochs)) for number, epochs in ((1, 5), (2, 10)))
create(endpoint, old)
with Load(endpoint):
    steps = {"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 34}, "WaitIntervalInSeconds": 1}
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=new,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": steps}},
    )
    assert settle(endpoint)["EndpointConfigName"] == new
sagemaker.delete_endpoint(EndpointName=endpoint)
