"""What a user's program needs to hold the answers of a transform job against those of an endpoint."""

# Rows go as RecordIO-protobuf, the one form that all of the classes' algorithms read and write. One row to a request, so
# that nothing but the row decides its numbers.
BATCH_ANSWERS = '''
def batch_answers(learner, rows):
    """The records that a transform job answers rows with, in their order."""
    import io
    from sagemaker.amazon.common import read_records, write_numpy_to_dense_tensor
    recordio, session = "application/x-recordio-protobuf", learner.sagemaker_session
    content, bucket, key = io.BytesIO(), session.default_bucket(), f"{learner.latest_training_job.name}/rows/rows.pbr"
    write_numpy_to_dense_tensor(content, rows)
    content.seek(0)
    s3 = session.boto_session.client("s3")
    s3.upload_fileobj(content, bucket, key)
    transformer = learner.transformer(1, "ml.m5.large", strategy="SingleRecord", accept=recordio)
    transformer.transform(f"s3://{bucket}/{key}", content_type=recordio, split_type="RecordIO", logs=False)
    out_bucket, prefix = transformer.output_path[5:].split("/", 1)
    return read_records(io.BytesIO(s3.get_object(Bucket=out_bucket, Key=f"{prefix}/rows.pbr.out")["Body"].read()))
'''
