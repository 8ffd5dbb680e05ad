"""SageMaker Python SDK v3: it has no class for Autopilot but the resources of the API, from a job to its endpoint."""

import re
import textwrap

from conftest import run_python


def test_an_autopilot_job_and_its_candidates(client_environment):
    code = textwrap.dedent("""
        import csv, io, json, pathlib
        from sagemaker.core import shapes
        from sagemaker.core.helper.session_helper import Session, get_execution_role
        from sagemaker.core.resources import AutoMLJob, AutoMLJobV2, Endpoint, EndpointConfig, Model

        birds = json.loads(pathlib.Path("node_modules/vega-datasets/data/penguins.json").read_text())
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(birds[0])
        writer.writerows(bird.values() for bird in birds)
        session = Session()
        role, bucket = get_execution_role(session), session.default_bucket()
        data = session.upload_string_as_file_body(text.getvalue(), bucket, "automl-v3/birds.csv", None)
        source = shapes.AutoMLS3DataSource(s3_data_type="S3Prefix", s3_uri=data)
        job = AutoMLJobV2.create(
            auto_ml_job_name="automl-v3",
            auto_ml_job_input_data_config=[shapes.AutoMLJobChannel(
                channel_type="training", content_type="text/csv;header=present",
                data_source=shapes.AutoMLDataSource(s3_data_source=source))],
            output_data_config=shapes.AutoMLOutputDataConfig(s3_output_path=f"s3://{bucket}/automl-v3/out"),
            auto_ml_problem_type_config=shapes.AutoMLProblemTypeConfig(tabular_job_config=shapes.TabularJobConfig(
                target_attribute_name="Species", mode="ENSEMBLING",
                completion_criteria=shapes.AutoMLJobCompletionCriteria(max_candidates=1))),
            role_arn=role,
        )
        job.wait(poll=1)
        print("status", job.auto_ml_job_status, job.auto_ml_problem_type_config_name)
        candidates = list(AutoMLJob.get(auto_ml_job_name="automl-v3").get_all_candidates(
            sort_by="FinalObjectiveMetricValue", sort_order="Descending"))
        best = job.best_candidate
        print("candidates", [each.candidate_name == best.candidate_name for each in candidates])
        print("accuracy", best.final_auto_ml_job_objective_metric.value)
        print("listed", "automl-v3" in [each.auto_ml_job_name for each in AutoMLJob.get_all(name_contains="v3")])

        Model.create(model_name="automl-v3", execution_role_arn=role, containers=[
            shapes.ContainerDefinition(image=each.image, model_data_url=each.model_data_url, environment=each.environment)
            for each in best.inference_containers])
        EndpointConfig.create(endpoint_config_name="automl-v3", production_variants=[shapes.ProductionVariant(
            variant_name="All", model_name="automl-v3", instance_type="ml.m5.large", initial_instance_count=1)])
        endpoint = Endpoint.create(endpoint_name="automl-v3", endpoint_config_name="automl-v3")
        endpoint.wait_for_status("InService", poll=1)
        row = ",".join("" if value is None else str(value) for name, value in birds[0].items() if name != "Species")
        answer = endpoint.invoke(body=row, content_type="text/csv", accept="text/csv")
        print("answer", answer.body.read().decode().strip())
        endpoint.delete()
    """)
    shown = run_python(code, client_environment)
    assert "status Completed Tabular" in shown
    assert "candidates [True]" in shown
    assert float(re.search(r"accuracy (\S+)", shown)[1]) > 0.95
    assert "listed True" in shown
    assert "answer Adelie" in shown
