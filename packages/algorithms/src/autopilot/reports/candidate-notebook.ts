import type { PipelinePlan } from "../analysis/analysis.ts";
import { isMinimised } from "../metrics/metric-names.ts";
import type { NotebookContext } from "./exploration-notebook.ts";
import { code, notebook, prose, pythonString } from "./notebook.ts";

/** The search as a notebook: running it trains the candidates again, with whatever its reader has changed. */
export function candidateNotebook({ analysis, given, dataUri }: NotebookContext): string {
  const { problem, objective, pipelines } = analysis;
  const direction = isMinimised(objective) ? "Minimize" : "Maximize";
  return notebook([
    prose(`# Candidates of the Autopilot job ${given.job_name}

The column \`${problem.target}\` is predicted: **${problem.type}**, judged by **${objective}** over the validation rows.
Each pipeline makes features for one algorithm, whose hyperparameters a tuning job then searches.
Run the cells from top to bottom. They need boto3, and AWS_ENDPOINT_URL where the service is not Amazon's.`),
    code(`import time, uuid
import boto3

sagemaker = boto3.client("sagemaker")
image = ${pythonString(given.image)}
role = ${pythonString(given.role)}
data = ${pythonString(dataUri)}
name = ${pythonString(given.job_name.slice(0, 12))} + "-" + uuid.uuid4().hex[:6]
output = ${pythonString(given.output)} + "/notebook/" + name
instance = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30}
candidates_per_pipeline, parallel = 5, 2

def channel(name, uri):
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}}
    return {"ChannelName": name, "DataSource": source, "ContentType": "text/csv"}

def finished(describe, status, **names):
    while True:
        job = describe(**names)
        if job[status] in ("Completed", "Failed", "Stopped"):
            assert job[status] == "Completed", job.get("FailureReason")
            return job
        time.sleep(1)`),
    prose("## Pipelines\n\nWhat each searches. Ranges are the tuning job's; change them as you like."),
    code(`pipelines = ${pythonLiteral(pipelines)}`),
    prose("## Features\n\nEach pipeline is fitted on the training rows only, and applied to the validation rows."),
    code(`processors = {}
for pipeline in pipelines:
    job = f"{name}-{pipeline['name']}"
    sagemaker.create_training_job(
        TrainingJobName=job,
        AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
        RoleArn=role,
        HyperParameters={"stage": "features", "pipeline": pipeline["name"]},
        InputDataConfig=[channel("data", data)],
        OutputDataConfig={"S3OutputPath": output + "/data-processor-models"},
        CheckpointConfig={"S3Uri": f"{output}/transformed-data/{pipeline['name']}/"},
        ResourceConfig=instance,
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
for pipeline in pipelines:
    job = f"{name}-{pipeline['name']}"
    processors[pipeline["name"]] = finished(sagemaker.describe_training_job, "TrainingJobStatus", TrainingJobName=job)`),
    prose("## Search"),
    code(`objective = {"Type": ${pythonString(direction)}, "MetricName": ${pythonString(`validation:${objective}`)}}

def definition(pipeline):
    rows = f"{output}/transformed-data/{pipeline['name']}"
    ranges = {"IntegerParameterRanges": [], "ContinuousParameterRanges": []}
    for each in pipeline["ranges"]:
        ranges[each["type"] + "ParameterRanges"].append({
            "Name": each["name"], "MinValue": str(each["min"]), "MaxValue": str(each["max"]),
            "ScalingType": each["scaling"],
        })
    return {
        "DefinitionName": pipeline["name"],
        "TuningObjective": objective,
        "HyperParameterRanges": ranges,
        "StaticHyperParameters": {"stage": "model", "learner": pipeline["learner"]},
        "AlgorithmSpecification": {"TrainingImage": image, "TrainingInputMode": "File"},
        "RoleArn": role,
        "InputDataConfig": [
            channel("analysis", data), channel("train", rows + "/train/"), channel("validation", rows + "/validation/"),
        ],
        "OutputDataConfig": {"S3OutputPath": output + "/tuning"},
        "ResourceConfig": instance,
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }

sagemaker.create_hyper_parameter_tuning_job(
    HyperParameterTuningJobName=name + "-tune",
    HyperParameterTuningJobConfig={
        "Strategy": "Bayesian",
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": candidates_per_pipeline * len(pipelines), "MaxParallelTrainingJobs": parallel,
        },
    },
    TrainingJobDefinitions=[definition(pipeline) for pipeline in pipelines],
)
tuning = finished(
    sagemaker.describe_hyper_parameter_tuning_job, "HyperParameterTuningJobStatus",
    HyperParameterTuningJobName=name + "-tune",
)
best = tuning["BestTrainingJob"]
print(best["TrainingJobName"], best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])`),
    prose(
      "## Deploy\n\nThe best candidate is a model of several containers: features, the model itself, and the names of classes.",
    ),
    code(`processor = processors[best["TrainingJobDefinitionName"]]["ModelArtifacts"]["S3ModelArtifacts"]
trained = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])["ModelArtifacts"]["S3ModelArtifacts"]
containers = [
    {"Image": image, "ModelDataUrl": processor, "Environment": {"AUTOML_TRANSFORM_MODE": "feature-transform"}},
    {"Image": image, "ModelDataUrl": trained, "Environment": {"SAGEMAKER_INFERENCE_OUTPUT": "predicted_label"}},
]
if ${problem.type === "Regression" ? "False" : "True"}:
    containers.append({"Image": image, "ModelDataUrl": processor, "Environment": {
        "AUTOML_TRANSFORM_MODE": "inverse-label-transform",
        "SAGEMAKER_INFERENCE_INPUT": "predicted_label", "SAGEMAKER_INFERENCE_OUTPUT": "predicted_label",
    }})
model = sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, Containers=containers)
print(model["ModelArn"])`),
  ]);
}

/** Lists and dictionaries of text and numbers are the same in Python as in JSON. */
function pythonLiteral(pipelines: readonly PipelinePlan[]): string {
  return JSON.stringify(pipelines, undefined, 4);
}
