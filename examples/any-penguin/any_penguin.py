"""Which penguin is it? Autopilot gets the table as it was collected, with gaps, islands and sexes, and finds a model by itself.

Runs against a Sagebrush server after `eval "$(sagebrush env --intercept)"`, from the root of the repository.
"""

import csv
import io
import json
import pathlib

import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
birds = json.loads(pathlib.Path("node_modules/vega-datasets/data/penguins.json").read_text())
columns = ["Species", "Island", "Beak Length (mm)", "Beak Depth (mm)", "Flipper Length (mm)", "Body Mass (g)", "Sex"]
asked = birds[::8]
known = [bird for i, bird in enumerate(birds) if i % 8]

text = io.StringIO()
writer = csv.writer(text)
writer.writerow(columns)
writer.writerows([bird[column] for column in columns] for bird in known)
data = session.upload_string_as_file_body(text.getvalue(), session.default_bucket(), "any-penguin/birds.csv", None)

auto = sagemaker.AutoML(
    role=sagemaker.get_execution_role(),
    target_attribute_name="Species",
    mode="ENSEMBLING",
    max_candidates=2,
    sagemaker_session=session,
)
auto.fit(data, logs=False)
for candidate in auto.list_candidates(sort_by="FinalObjectiveMetricValue", sort_order="Descending"):
    metric = candidate["FinalAutoMLJobObjectiveMetric"]
    print(f"{candidate['CandidateName']}: {metric['MetricName']} {metric['Value']:.3f}")
print("reports:", auto.best_candidate()["CandidateProperties"]["CandidateArtifactLocations"]["ModelInsights"])

predictor = auto.deploy(
    1,
    "ml.m5.large",
    serializer=CSVSerializer(),
    deserializer=CSVDeserializer(),
    predictor_cls=sagemaker.predictor.Predictor,
    inference_response_keys=["predicted_label", "probability"],
)
answers = predictor.predict([["" if bird[column] is None else bird[column] for column in columns[1:]] for bird in asked])
right = sum(bird["Species"] == species for bird, (species, _) in zip(asked, answers))
print(f"{right} of {len(asked)} penguins recognised")
predictor.delete_endpoint()
