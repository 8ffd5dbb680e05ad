"""Which penguin is it? A linear learner whose learning rate, penalty and batch size are tuned, and the best one deployed.

Runs against a Sagebrush server after `eval "$(sagebrush env --intercept)"`, from the root of the repository.
"""

import pathlib

import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer
from sagemaker.tuner import CategoricalParameter, ContinuousParameter, HyperparameterTuner, IntegerParameter

SPECIES = ["Adelie", "Chinstrap", "Gentoo"]

session = sagemaker.Session()
lines = pathlib.Path("examples/first-model/penguins.csv").read_text().splitlines()
# The file is shuffled: every fourth bird judges the models, and every fourth after that asks the winner.
parts = {
    "train": [line for i, line in enumerate(lines) if i % 4 > 1],
    "validation": lines[0::4],
}
asked = lines[1::4]
channels = {
    name: TrainingInput(
        session.upload_string_as_file_body(
            "\n".join(part), session.default_bucket(), f"tuned-penguins/{name}/birds.csv", None
        ),
        content_type="text/csv",
    )
    for name, part in parts.items()
}

image = sagemaker.image_uris.retrieve("linear-learner", session.boto_region_name)
learner = Estimator(image, sagemaker.get_execution_role(), 1, "ml.m5.large", sagemaker_session=session)
learner.set_hyperparameters(predictor_type="multiclass_classifier", num_classes=3, epochs=15)
tuner = HyperparameterTuner(
    learner,
    "validation:objective_loss",
    objective_type="Minimize",
    strategy="Bayesian",
    hyperparameter_ranges={
        "learning_rate": ContinuousParameter(0.0005, 0.5, scaling_type="Logarithmic"),
        "wd": ContinuousParameter(1e-6, 0.1, scaling_type="Logarithmic"),
        "mini_batch_size": IntegerParameter(5, 100),
        "optimizer": CategoricalParameter(["adam", "sgd"]),
    },
    max_jobs=8,
    max_parallel_jobs=2,
    random_seed=1,
)
tuner.fit(channels)

trials = tuner.analytics().dataframe().sort_values("FinalObjectiveValue")
print(trials[["TrainingJobName", "learning_rate", "mini_batch_size", "optimizer", "FinalObjectiveValue"]].to_string())
print(f"best: {tuner.best_training_job()}")

predictor = tuner.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=JSONDeserializer())
answers = predictor.predict([line.split(",")[1:] for line in asked])["predictions"]
right = sum(int(answer["predicted_label"]) == int(line.split(",")[0]) for answer, line in zip(answers, asked))
print(f"{right} of {len(asked)} penguins recognised; the first is {SPECIES[int(answers[0]['predicted_label'])]}")
predictor.delete_endpoint()
