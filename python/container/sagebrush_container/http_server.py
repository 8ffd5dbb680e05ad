"""GET /ping and POST /invocations, and the API of multi-model containers, over a Unix socket or a port."""

import json
import os
import re
import socket
import socketserver
import sys
import traceback
from http.server import BaseHTTPRequestHandler

from . import formats
from .multi_model import Models

# More than the platform lets through; a body without this limit could fill the memory.
_LARGEST_BODY = 128 * 1024 * 1024


def listen():
    """A listening socket: where the platform says, else on the port that SageMaker's containers have."""
    path = os.environ.get("SAGEBRUSH_LISTEN")
    if path:
        listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):
            os.unlink(path)
        listener.bind(path)
    else:
        listener = socket.socket(socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))))
    listener.listen(128)
    # Of several processes that see a new connection one gets it; the others must not wait for the next.
    listener.setblocking(False)
    return listener


class Server(socketserver.ThreadingMixIn, socketserver.BaseServer):
    """A thread for each connection, on a socket that other processes may listen on, too."""

    daemon_threads = True

    def __init__(self, listener, served):
        many = isinstance(served, Models)
        socketserver.BaseServer.__init__(self, "model", ManyModels if many else Request)
        self.socket = listener
        self.served = served

    def fileno(self):
        return self.socket.fileno()

    def get_request(self):
        return self.socket.accept()

    def handle_error(self, request, client_address):
        # The other side went away; what a handler raises is answered where it happens.
        pass


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = False  # a Unix socket has none
    wbufsize = -1

    def do_GET(self):
        self._answer(*((200, b"", None) if self.path == "/ping" else (404, b"", None)))

    def do_POST(self):
        body = self._body()
        if body is None:
            return
        if self.path != "/invocations":
            self._answer(404, b"", None)
            return
        self._invoke(self.server.served, body)

    def _invoke(self, handlers, body):
        try:
            accept = self.headers.get("Accept") or os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or formats.JSON
            content, kind = handlers.answer(body, self.headers.get("Content-Type") or formats.JSON, accept)
            self._answer(200, content, kind)
        except formats.Unsupported as error:
            self._answer(error.status, str(error).encode(), "text/plain")
        except Exception as error:  # the user's code: the log has all of it, the caller what it says
            sys.stderr.write(traceback.format_exc())
            self._answer(500, ("%s: %s" % (type(error).__name__, error)).encode(), "text/plain")

    def _body(self):
        if "chunked" in (self.headers.get("Transfer-Encoding") or "").lower():
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        if length > _LARGEST_BODY:
            return self._too_large()
        return self.rfile.read(length)

    def _chunks(self):
        chunks, total = [], 0
        while True:
            size = int(self.rfile.readline(64).split(b";")[0], 16)
            total += size
            if total > _LARGEST_BODY:
                return self._too_large()
            chunks.append(self.rfile.read(size))
            self.rfile.readline(64)
            if size == 0:
                return b"".join(chunks)

    def _too_large(self):
        self.close_connection = True
        self._answer(413, b"", None)

    def _answer(self, status, content, kind):
        self.send_response_only(status)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def address_string(self):
        return "platform"

    def log_message(self, *_words):
        # Health checks alone would be most of the log.
        pass


_MODEL = re.compile(r"/models/([^/?]+)(/invoke)?$")


class ManyModels(Request):
    """What the platform asks of a container with many models."""

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path == "/ping":
            self._answer(200, b"", None)
        elif path == "/models":
            self._answer(200, self.server.served.page(query.partition("next_page_token=")[2].partition("&")[0]), formats.JSON)
        else:
            self._about(lambda name: self.server.served.describe(name))

    def do_DELETE(self):
        self._about(lambda name: b"{}" if self.server.served.unload(name) else None)

    def do_POST(self):
        body = self._body()
        if body is None:
            return
        if self.path == "/models":
            self._load(body)
            return
        found = _MODEL.match(self.path)
        model = self.server.served.get(found.group(1)) if found and found.group(2) else None
        if model is None:
            self._answer(404, b"The model is not loaded.", "text/plain")
            return
        self._invoke(model[0], body)

    def _load(self, body):
        try:
            wanted = json.loads(body.decode())
            name, url = wanted["model_name"], wanted["url"]
        except (ValueError, KeyError, TypeError):
            self._answer(400, b"Expected a JSON object with model_name and url.", "text/plain")
            return
        status, content = self.server.served.load(name, url)
        self._answer(status, content, formats.JSON if status in (200, 409) else "text/plain")

    def _about(self, answer):
        found = _MODEL.match(self.path)
        content = answer(found.group(1)) if found and not found.group(2) else None
        if content is None:
            self._answer(404, b"The model is not loaded.", "text/plain")
        else:
            self._answer(200, content, formats.JSON)
