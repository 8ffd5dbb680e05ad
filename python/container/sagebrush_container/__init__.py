"""What runs inside a framework image: script mode's training and the inference server.

Pure Python without dependencies, for every Python from 3.6 on. It does what SageMaker's training and inference toolkits
do, from their public behaviour. Read `train.py` or `serve.py` first.
"""
