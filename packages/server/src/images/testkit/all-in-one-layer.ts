import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { imageFiles, python } from "./image-files.ts";

const nginx = "/usr/sbin/nginx";
const modules = "/usr/lib/python3/dist-packages";
/** Flask, gunicorn and what they import. */
const wanted = "flask werkzeug jinja2 markupsafe click itsdangerous gunicorn pkg_resources".split(" ");

/** Whether this machine has what the layer is made of. */
export function hasAllInOneParts(): boolean {
  return [python, nginx, "/usr/bin/busybox", ...wanted.map((name) => join(modules, name))].every((path) =>
    existsSync(path),
  );
}

/** SageMaker's programs as its guides lay them out: one image that trains, and serves by nginx, gunicorn and Flask. */
const programs: Readonly<Record<string, string>> = {
  train: `#!/usr/bin/python3
import csv, glob, json
rows = [[float(x) for x in row] for path in glob.glob("/opt/ml/input/data/train/*") for row in csv.reader(open(path))]
with open("/opt/ml/model/model.json", "w") as model:
    json.dump([sum(column) / len(rows) for column in zip(*rows)], model)
print("trained on", len(rows), "row", flush=True)
`,
  serve: `#!/usr/bin/python3
import os, signal, subprocess, sys
os.symlink("/dev/stdout", "/var/log/nginx/access.log")
os.symlink("/dev/stderr", "/var/log/nginx/error.log")
servers = [
    subprocess.Popen(["nginx", "-c", "/opt/program/nginx.conf"]),
    subprocess.Popen(["python3", "-m", "gunicorn", "--bind", "unix:/tmp/gunicorn.sock", "--workers", "2", "wsgi:app"]),
]
def stop(*_):
    for server in servers:
        server.terminate()
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
os.wait()
stop()
`,
  "wsgi.py": "from predictor import app\n",
  "predictor.py": `import json
import flask
app = flask.Flask(__name__)
with open("/opt/ml/model/model.json") as model:
    means = json.load(model)

@app.get("/ping")
def ping():
    return "\\n"

@app.post("/invocations")
def invocations():
    row = [float(x) for x in flask.request.data.decode().split(",")]
    return flask.Response(json.dumps([x - mean for x, mean in zip(row, means)]), mimetype="application/json")
`,
  "nginx.conf": `user www-data;
worker_processes 1;
daemon off;
pid /tmp/nginx.pid;
error_log /var/log/nginx/error.log;
events {}
http {
  access_log /var/log/nginx/access.log combined;
  upstream gunicorn { server unix:/tmp/gunicorn.sock; }
  server {
    listen 8080;
    location ~ ^/(ping|invocations) { proxy_pass http://gunicorn; }
    location / { return 404; }
  }
}
`,
};

/** One layer of this machine's Python, nginx and libraries, as a tar archive: no image of anybody's is downloaded. */
export function allInOneLayer(): Buffer {
  using files = imageFiles();
  files.addPython();
  for (const name of wanted) files.copy(join(modules, name));
  files.addPrograms(nginx);
  for (const folder of ["/var/log/nginx", "/var/lib/nginx", "/opt/program"])
    mkdirSync(join(files.root, folder), { recursive: true });
  // Container engines make none, as the sandbox does.
  mkdirSync(join(files.root, "tmp"), { recursive: true });
  chmodSync(join(files.root, "tmp"), 0o1777);
  for (const [name, text] of Object.entries(programs))
    writeFileSync(join(files.root, "opt/program", name), text, { mode: 0o755 });
  return files.tar();
}
