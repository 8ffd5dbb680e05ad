"""Fetches one object from S3 with nothing but the standard library."""

import datetime
import hashlib
import hmac
import json
import os
import shutil
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from .failures import ToolkitError

_TIMEOUT_SECONDS = 60


def download(uri, path):
    """Writes the object at `s3://BUCKET/KEY` to a file."""
    bucket, _, key = uri[len("s3://") :].partition("/")
    region = os.environ.get("AWS_REGION") or os.environ.get("SAGEMAKER_REGION") or "us-east-1"
    endpoint = os.environ.get("S3_ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise ToolkitError(
            "ClientError: %s cannot be fetched: this run has no way to S3 (EnableNetworkIsolation?) "
            "and the platform did not have the object when the job started." % uri
        )
    url = "%s/%s/%s" % (endpoint.rstrip("/"), quote(bucket), quote(key, safe="/-_.~"))
    try:
        with _open(url, _signed(url, region, _credentials())) as answer, open(path, "wb") as file:
            shutil.copyfileobj(answer, file)
    except HTTPError as error:
        raise ToolkitError("ClientError: %s cannot be fetched: S3 answered %d %s" % (uri, error.code, error.reason))
    except (URLError, OSError) as error:
        raise ToolkitError("ClientError: %s cannot be fetched from %s: %s" % (uri, endpoint, error))


def _open(url, headers):
    # The platform is on this machine or beside it: never by way of a proxy.
    return build_opener(ProxyHandler({})).open(Request(url, headers=headers), timeout=_TIMEOUT_SECONDS)


def _credentials():
    full = os.environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI")
    relative = os.environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
    if full or relative:
        token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")
        headers = {"Authorization": token} if token else {}
        with _open(full or "http://169.254.170.2" + relative, headers) as answer:
            found = json.loads(answer.read().decode())
        return found["AccessKeyId"], found["SecretAccessKey"], found.get("Token")
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return key, secret, os.environ.get("AWS_SESSION_TOKEN")
    raise ToolkitError("ClientError: the code cannot be fetched from S3: this run has no credentials.")


def _signed(url, region, credentials, now=None):
    """Headers of a GET in Signature Version 4."""
    key, secret, token = credentials
    parts = urlsplit(url)
    moment = (now or datetime.datetime.now(datetime.timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": parts.netloc, "x-amz-content-sha256": empty, "x-amz-date": moment}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join("%s:%s\n" % (name, headers[name]) for name in sorted(headers))
    request = "\n".join(["GET", parts.path, parts.query, lines, names, empty])
    scope = "%s/%s/s3/aws4_request" % (moment[:8], region)
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
    del headers["host"]  # the client writes it
    headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s" % (
        key,
        scope,
        names,
        signature,
    )
    return headers
