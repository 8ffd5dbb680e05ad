"""Odd sign-ins: who signs in from where, and which sign-in is unlike that user's others?

Run in the clone's folder, with `eval "$(sagebrush env --intercept)"` and `pip install "sagemaker<3"`. No package ships
sign-ins, so these are made from real places: a user for each of 500 airports of the United States, which the npm package
vega-datasets lists, who signs in from networks of the airport's state.
"""

import csv
import random

import sagemaker
from sagemaker import IPInsights
from sagemaker.amazon.amazon_estimator import RecordSet

with open("node_modules/vega-datasets/data/airports.csv") as file:
    places = [(each["iata"], each["state"]) for each in csv.DictReader(file) if each["country"] == "USA"][:500]

random.seed(11)
# Each state has three networks of 65,536 addresses, and each user is at home in two of those.
networks = {state: [(random.randrange(1, 224), random.randrange(256)) for _ in range(3)] for _, state in places}
homes = {user: random.sample(networks[state], 2) for user, state in places}
users = sorted(homes)


def address(user):
    """One of the user's own addresses."""
    return ".".join(str(part) for part in (*random.choice(homes[user]), random.randrange(256), random.randrange(256)))


pairs = [(user, address(user)) for user in random.choices(users, k=60_000)]
session = sagemaker.Session()
text = "".join(f"{user},{ip}\n" for user, ip in pairs)
where = session.upload_string_as_file_body(text, session.default_bucket(), "logins/train/pairs.csv", None)

insights = IPInsights(
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type="ml.m5.large",
    num_entity_vectors=2 * len(users),
    vector_dim=64,
    num_ip_encoder_layers=1,
    epochs=10,
    learning_rate=0.01,
)
# The algorithm takes CSV as it is: a record set of the folder, without a number of features.
train = RecordSet(where.rsplit("/", 1)[0], len(pairs), feature_dim=None, s3_data_type="S3Prefix", channel="train")
insights.fit(train, mini_batch_size=1000)
predictor = insights.deploy(1, "ml.m5.large")


def products(asked):
    """High for usual pairs, low for unusual ones."""
    return [each["dot_product"] for each in predictor.predict([list(pair) for pair in asked])["predictions"]]


others = [random.choice([each for each in users if homes[each][0] not in homes[user]]) for user in users]
own = products([(user, address(user)) for user in users])
foreign = products([(user, address(other)) for user, other in zip(users, others)])
limit = sorted(own)[len(own) // 20]  # a twentieth of the usual sign-ins would be questioned
print()
print(f"usual sign-ins: {sum(own) / len(own):+.1f} on average; from another state: {sum(foreign) / len(foreign):+.1f}")
print(f"questioned: {sum(each < limit for each in foreign)} of {len(foreign)} from another state, 5 % of the usual ones")
predictor.delete_endpoint()
