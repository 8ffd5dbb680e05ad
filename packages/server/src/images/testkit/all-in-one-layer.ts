import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseLdd } from "../../engines/sandbox/minimal-root.ts";

const python = "/usr/bin/python3";
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
  const root = mkdtempSync(join(tmpdir(), "sagebrush-all-in-one-"));
  try {
    const copy = (source: string, target = source): void => {
      mkdirSync(dirname(join(root, target)), { recursive: true });
      cpSync(source, join(root, target), { recursive: true, dereference: true, filter: isWanted });
    };
    const binary = realpathSync(python);
    const library = `/usr/lib/${binary.slice(binary.lastIndexOf("/") + 1)}`;
    copy(binary, python);
    copy(library);
    for (const name of wanted) copy(join(modules, name));
    copy(nginx);
    copy("/usr/bin/busybox", "/bin/busybox");
    symlinkSync("busybox", join(root, "bin", "sh"));
    const loaders = readdirSync(join(library, "lib-dynload")).map((name) => join(library, "lib-dynload", name));
    for (const path of new Set([binary, nginx, ...loaders].flatMap(librariesOf))) copy(path);
    for (const folder of ["/var/log/nginx", "/var/lib/nginx", "/opt/program", "/etc"])
      mkdirSync(join(root, folder), { recursive: true });
    writeFileSync(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/:/bin/sh\n");
    writeFileSync(join(root, "etc/group"), "root:x:0:\nwww-data:x:33:\n");
    for (const [name, text] of Object.entries(programs))
      writeFileSync(join(root, "opt/program", name), text, { mode: 0o755 });
    return execFileSync("tar", ["-C", root, "--owner=0", "--group=0", "-cf", "-", "."], { maxBuffer: 2 ** 29 });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Most of Python's library is of no use here. */
function isWanted(path: string): boolean {
  return !/\/(?:__pycache__|test|tests|idlelib|tkinter|lib2to3|ensurepip|config-3[^/]*|pydoc_data)$/.test(path);
}

function librariesOf(path: string): string[] {
  try {
    return parseLdd(execFileSync("ldd", [path], { encoding: "utf8" }));
  } catch {
    // A file that is no program: it loads nothing.
    return [];
  }
}
