"""Fits an estimator once for each line of the input: by the SDK's local mode, or on the platform. Prints when it asked."""
import os
import sys

from sagemaker.estimator import Estimator

where, image, data, output = sys.argv[1:]
if where == "local":
    from sagemaker.local import LocalSession

    session, instance_type = LocalSession(), "local"
else:
    from sagemaker import Session

    session, instance_type = Session(), "ml.m5.large"
role = "arn:aws:iam::000000000000:role/SagebrushExecutionRole"
print("READY", flush=True)
for _ in sys.stdin:
    estimator = Estimator(image, role, 1, instance_type, sagemaker_session=session, output_path=output)
    # Seconds since the machine was started, which containers see too.
    with open("/proc/uptime") as uptime:
        print("ASKED", uptime.read().split()[0], flush=True)
    estimator.fit({"train": data})
    with open("/proc/uptime") as uptime:
        print("ENDED", uptime.read().split()[0], flush=True)
