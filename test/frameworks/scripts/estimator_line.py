"""A line through points by tf.estimator, whose variables lie on parameter servers where there are any (TF_CONFIG)."""

import argparse
import os
import time

import numpy
import tensorflow as tf

v1 = tf.compat.v1
parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=1500)
parser.add_argument("--model_dir")
arguments = parser.parse_args()

chance = numpy.random.default_rng(1)
x = chance.normal(size=(1024, 4)).astype("float32")
y = (x @ [[3.0], [-1.0], [2.0], [0.5]] + 1 + 0.3 * chance.normal(size=(1024, 1))).astype("float32")


def model_fn(features, labels, mode):
    weights = v1.get_variable("weights", [4, 1], initializer=v1.zeros_initializer())
    bias = v1.get_variable("bias", [1], initializer=v1.zeros_initializer())
    loss = v1.losses.mean_squared_error(labels, features @ weights + bias)
    step = v1.train.GradientDescentOptimizer(0.02).minimize(loss, global_step=v1.train.get_global_step())
    # The default has every server write its part where it is; these hosts share no folder.
    whole = v1.train.Scaffold(saver=v1.train.Saver(sharded=False))
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=step, scaffold=whole)


class Count(v1.train.SessionRunHook):
    """How many steps this host took, none faster than the others could join."""

    steps = 0

    def after_run(self, context, values):
        self.steps += 1
        time.sleep(0.004)


def batches():
    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(1024, seed=1).repeat().batch(128)


def everything():
    return tf.data.Dataset.from_tensor_slices((x, y)).batch(len(x))


config = tf.estimator.RunConfig(
    model_dir=os.path.join(os.environ["SM_MODEL_DIR"], "line"), tf_random_seed=1, experimental_max_worker_delay_secs=0
)
count = Count()
training = tf.estimator.TrainSpec(batches, max_steps=arguments.steps, hooks=[count])
estimator = tf.estimator.Estimator(model_fn, config=config)
evaluation = tf.estimator.EvalSpec(everything, steps=1, start_delay_secs=0, throttle_secs=600)
tf.estimator.train_and_evaluate(estimator, training, evaluation)
place = (config.task_type, config.task_id, config.num_ps_replicas, os.environ["SM_CURRENT_HOST"])
print("%s %d beside %d parameter servers on %s: steps=%d;" % (*place, count.steps), flush=True)
if config.is_chief:
    print("loss=%.6f;" % estimator.evaluate(everything, steps=1)["loss"], flush=True)
