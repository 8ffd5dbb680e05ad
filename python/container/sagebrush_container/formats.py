"""Content types that every framework's default functions read and write."""

import io
import json

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"


class Unsupported(Exception):
    """A content type that nothing here reads or writes."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def plain(content_type):
    """The type without its parameters."""
    return (content_type or "").split(";")[0].strip().lower()


def decode(body, content_type):
    """A request's body as a numpy array."""
    import numpy

    kind = plain(content_type) or JSON
    if kind == JSON:
        content = json.loads(_text(body))
        if isinstance(content, dict):
            content = content.get("instances", content.get("inputs", content))
        return numpy.array(content)
    if kind == CSV:
        return numpy.genfromtxt(io.StringIO(_text(body)), delimiter=",", ndmin=2, dtype=float)
    if kind == NPY:
        return numpy.load(io.BytesIO(body), allow_pickle=False)
    raise Unsupported(415, "Content type %s is not read here; use %s, %s or %s, or define input_fn." % (kind, JSON, CSV, NPY))


def encode(prediction, accept):
    """A prediction as bytes of the first type in `accept` that is known."""
    import numpy

    for kind in [plain(each) for each in (accept or JSON).split(",")]:
        if kind in (JSON, "*/*", ""):
            return json.dumps(as_plain(prediction)).encode(), JSON
        if kind == CSV:
            text = io.StringIO()
            rows = numpy.atleast_1d(numpy.asarray(as_plain(prediction)))
            numpy.savetxt(text, rows, delimiter=",", fmt="%s")
            return text.getvalue().encode(), CSV
        if kind == NPY:
            buffer = io.BytesIO()
            numpy.save(buffer, numpy.asarray(as_plain(prediction)), allow_pickle=False)
            return buffer.getvalue(), NPY
    raise Unsupported(406, "Accept %s is not written here; use %s, %s or %s, or define output_fn." % (accept, JSON, CSV, NPY))


def as_plain(value):
    """Arrays and tensors as lists."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    return value.tolist() if hasattr(value, "tolist") else value


def as_bytes(content):
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    if isinstance(content, str):
        return content.encode()
    return json.dumps(as_plain(content)).encode()


def _text(body):
    return body if isinstance(body, str) else bytes(body).decode("utf-8")
