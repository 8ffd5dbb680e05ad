"""Re-create: end the old instances, then start the new ones. Takes the memory of one fleet only, and has a gap without answers.

Run it in the clone's folder with `pip install boto3`, after `eval "$(sagebrush env)"`.
"""

import time

from shared import Load, configuration, create, sagemaker, settle, version

endpoint = "recreated"
old, new = (configuration(endpoint, version(number, epochs)) for number, epochs in ((1, 5), (2, 10)))
create(endpoint, old)
with Load(endpoint) as load:
    begun = time.monotonic()
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}]
    )
    settle(endpoint)
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=new)
    assert settle(endpoint)["EndpointConfigName"] == new
    ended = time.monotonic()
    answered = load.answers
    while load.answers < answered + 20:
        time.sleep(0.01)
outside = [error for at, error in load.failures if not begun <= at <= ended + 0.5]
print(f"the gap: {ended - begun:.1f} s; {len(outside)} requests failed outside of it")
sagemaker.delete_endpoint(EndpointName=endpoint)
