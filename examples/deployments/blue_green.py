"""Blue/green: all traffic moves at once when every new instance answers; the old ones stay a while, for the way back.

Run it in the clone's folder with `pip install boto3`, after `eval "$(sagebrush env)"`. In earnest the wait is minutes, with an alarm.
"""

from shared import Load, configuration, create, sagemaker, settle, version

endpoint = "blue-green"
old, new = (configuration(endpoint, version(number, epochs)) for number, epochs in ((1, 5), (2, 10)))
create(endpoint, old)
with Load(endpoint):
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=new,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 1}},
    )
    assert settle(endpoint)["EndpointConfigName"] == new
sagemaker.delete_endpoint(EndpointName=endpoint)
