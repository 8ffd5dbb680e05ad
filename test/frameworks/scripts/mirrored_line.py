"""Data parallel training with TensorFlow's MultiWorkerMirroredStrategy, as its users write it for several hosts."""

import argparse
import json
import os

import numpy
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--batch-size", type=int, default=64, help="over all workers")
parser.add_argument("--model_dir")
arguments = parser.parse_args()

# Before anything else of TensorFlow's: it starts this host's server.
strategy = tf.distribute.MultiWorkerMirroredStrategy()
task = json.loads(os.environ["TF_CONFIG"])["task"]

chance = numpy.random.default_rng(1)
x = chance.normal(size=(2048, 8)).astype("float32")
y = (numpy.sin(x @ chance.normal(size=(8, 1))) + 0.1 * chance.normal(size=(2048, 1))).astype("float32")
# Each worker takes its part of each batch.
options = tf.data.Options()
options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(arguments.batch_size).with_options(options)

tf.keras.utils.set_random_seed(1)
with strategy.scope():
    model = tf.keras.Sequential([tf.keras.layers.Dense(32, activation="tanh"), tf.keras.layers.Dense(1)])
    model.compile(tf.keras.optimizers.SGD(0.05), "mse")
model.fit(data, epochs=arguments.epochs, verbose=0)
loss = model.evaluate(data, verbose=0)
place = (task["index"], strategy.num_replicas_in_sync, os.environ["SM_CURRENT_HOST"])
print("worker %d of %d on %s: loss=%.6f;" % (*place, loss), flush=True)
if task["index"] == 0:
    numpy.savez(os.path.join(os.environ["SM_MODEL_DIR"], "weights.npz"), *model.get_weights())
