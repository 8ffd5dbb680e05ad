"""Stands for boto3 inside a run that has Python alone: container credentials, and requests signed with them."""

import datetime
import hashlib
import hmac
import json
import os
import sys
import urllib.error
import urllib.request


def fetch(url, headers=None):
    """The answer's text, or why there is none."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    except OSError as error:
        return f"unreachable: {error}"


def credentials(uri=None, token=None):
    return fetch(
        uri or os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"],
        {"Authorization": token or os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]},
    )


def signed_get(given, path, query=""):
    """GET of S3, signed as version 4 wants it."""
    endpoint, region = os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_REGION"]
    host = endpoint.split("://")[1]
    now = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
    scope = f"{now[:8]}/{region}/s3/aws4_request"
    empty = hashlib.sha256(b"").hexdigest()
    headers = {"host": host, "x-amz-content-sha256": empty, "x-amz-date": now, "x-amz-security-token": given["Token"]}
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"GET\n{path}\n{query}\n{lines}\n{names}\n{empty}"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = ("AWS4" + given["SecretAccessKey"]).encode()
    for part in [now[:8], region, "s3", "aws4_request"]:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    credential = f"{given['AccessKeyId']}/{scope}"
    headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return fetch(f"{endpoint}{path}" + (f"?{query}" if query else ""), headers)


def tell(name, value):
    print(json.dumps({name: value}), flush=True)


exec(open(sys.argv[1]).read())
