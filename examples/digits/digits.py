"""Handwritten digits: which digit is it, and which known ones does it look like?

Run in the clone's folder, with `eval "$(sagebrush env --intercept)"` and `pip install "sagemaker<3" scikit-learn`. The data is
scikit-learn's own: 1,797 digits of 8 x 8 pixels, grey from 0 to 16 (UCI, Optical Recognition of Handwritten Digits).
"""

import numpy
import sagemaker
from sagemaker import KNN
from sagemaker.deserializers import JSONDeserializer
from sagemaker.serializers import CSVSerializer
from sklearn.datasets import load_digits

pixels, digits = load_digits(return_X_y=True)
pixels, digits = pixels.astype("float32"), digits.astype("float32")
known, asked = slice(0, 1400), slice(1400, None)

readers = KNN(
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    k=5,
    sample_size=1400,
    predictor_type="classifier",
)
readers.fit(
    [
        readers.record_set(pixels[known], digits[known]),
        readers.record_set(pixels[asked], digits[asked], channel="test"),
    ]
)
predictor = readers.deploy(1, "ml.m5.large")

# A few hundred at once, as the SDK sends arrays.
answers = predictor.predict(pixels[asked])
found = numpy.array([each.label["predicted_label"].float32_tensor.values[0] for each in answers])
print(f"\n{(found == digits[asked]).mean():.1%} of {len(found)} digits are read as they were meant")

# One that was misread, with the neighbours that decided.
odd = int(numpy.flatnonzero(found != digits[asked])[0])
image = pixels[asked][odd].reshape(8, 8)
print("\n".join("".join(" .:*#"[min(4, int(grey) // 4)] * 2 for grey in row) for row in image))
predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
[answer] = predictor.predict(image.ravel(), initial_args={"Accept": "application/json; verbose=true"})["predictions"]
near = ", ".join(f"{label:.0f}" for label in answer["labels"])
print(f"meant as {digits[asked][odd]:.0f}, read as {answer['predicted_label']:.0f}: nearest are {near}")
predictor.delete_endpoint()
