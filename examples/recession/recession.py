"""One number for the state of the economy: what do the jobs of fifteen sectors have in common, month by month?

Run in the clone's folder, with `eval "$(sagebrush env --intercept)"` and `pip install "sagemaker<3"`. The data is that of the
U.S. Bureau of Labor Statistics, 2006 to 2015, as the npm package vega-datasets carries it; set-up has installed that.
"""

import csv

import numpy
import sagemaker
from sagemaker import PCA

with open("node_modules/vega-datasets/data/us-employment.csv") as file:
    months = list(csv.DictReader(file))

sectors = [
    *["mining_and_logging", "construction", "durable_goods", "nondurable_goods", "wholesale_trade", "retail_trade"],
    *["transportation_and_warehousing", "utilities", "information", "financial_activities"],
    *["professional_and_business_services", "education_and_health_services", "leisure_and_hospitality"],
    *["other_services", "government"],
]
jobs = numpy.array([[float(month[sector]) for sector in sectors] for month in months])
growth = numpy.diff(jobs, axis=0) / jobs[:-1]
# In units of each sector's own deviation: construction would drown the others otherwise.
growth = ((growth - growth.mean(axis=0)) / growth.std(axis=0)).astype("float32")

learner = PCA(
    role=sagemaker.get_execution_role(), instance_count=1, instance_type="ml.m5.large", num_components=2,
    algorithm_mode="regular",
)
learner.fit(learner.record_set(growth))
predictor = learner.deploy(1, "ml.m5.large")
projected = [each.label["projection"].float32_tensor.values for each in predictor.predict(growth)]
predictor.delete_endpoint()

# The strongest component is the last one; its sign is anybody's, so let growth be above zero.
economy = numpy.array([values[-1] for values in projected])
economy *= numpy.sign(numpy.corrcoef(economy, growth.sum(axis=1))[0, 1])
print(f"\none number has {economy.var() / growth.var(axis=0).sum():.0%} of the variance of {len(sectors)} sectors")
for month, value in sorted(zip((each["month"] for each in months[1:]), economy), key=lambda pair: pair[1])[:6]:
    print(f"{month[:7]}  {value:6.1f}")
shares = numpy.array([numpy.corrcoef(economy, sector)[0, 1] for sector in growth.T])
most, least = sectors[int(shares.argmax())], sectors[int(shares.argmin())]
print(f"moves most with the economy: {most.replace('_', ' ')}; least: {least.replace('_', ' ')}")
