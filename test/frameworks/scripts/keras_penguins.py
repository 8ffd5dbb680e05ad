"""Classifies penguins with a small Keras network, as a user of TensorFlow's image writes it."""

import argparse
import os

import numpy
import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--learning-rate", type=float, default=0.01)
# The SDK says it to every TensorFlow script: where checkpoints go.
parser.add_argument("--model_dir")
arguments = parser.parse_args()

tf.keras.utils.set_random_seed(1)
rows = numpy.loadtxt(os.path.join(os.environ["SM_CHANNEL_TRAIN"], "train.csv"), delimiter=",", dtype="float32")
labels, features = rows[:, 0].astype("int32"), rows[:, 1:]
scale = tf.keras.layers.Normalization()
scale.adapt(features)
hidden = tf.keras.layers.Dense(16, activation="relu")
model = tf.keras.Sequential([scale, hidden, tf.keras.layers.Dense(3)])
loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
model.compile(tf.keras.optimizers.Adam(arguments.learning_rate), loss, metrics=["accuracy"])
model.fit(features, labels, epochs=arguments.epochs, batch_size=32, verbose=2)
_, accuracy = model.evaluate(features, labels, verbose=0)
print(f"tensorflow={tf.__version__} model_dir={arguments.model_dir} accuracy={accuracy:.4f};")
tf.saved_model.save(model, os.path.join(os.environ["SM_MODEL_DIR"], "1"))
