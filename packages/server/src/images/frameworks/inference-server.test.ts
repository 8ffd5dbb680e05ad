import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, test, vi } from "vitest";
import { requirements, where } from "../../engines/requirements.ts";
import { layOut, program, removeLayouts, variables } from "../testkit/opt-ml.ts";

vi.setConfig({ testTimeout: 120_000 });

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill("SIGKILL");
  running.clear();
  removeLayouts();
});

where("the inference server", [requirements.pythonEnvironments], () => {
  const inference = `import json, os
def model_fn(model_dir): return open(os.path.join(model_dir, "word")).read()
def input_fn(body, content_type):
    if content_type != "application/json": raise ValueError("only JSON")
    return json.loads(body)
def predict_fn(data, model): return {"word": model, "data": data, "pid": os.getpid()}
def output_fn(prediction, accept): return json.dumps(prediction), "application/json"
`;

  async function serve(files: Readonly<Record<string, string>>, environment: Readonly<Record<string, string>> = {}) {
    const ml = layOut({ files });
    const socketPath = join(ml, "s");
    const child = spawn("python3", ["-B", program, "serve"], {
      env: variables(ml, { SAGEBRUSH_LISTEN: socketPath, ...environment }),
      stdio: ["ignore", "inherit", "pipe"],
    });
    running.add(child);
    return { child, socketPath };
  }

  async function call(socketPath: string, path: string, body?: string, headers: Record<string, string> = {}) {
    const asked = request({ socketPath, agent: false, path, method: body === undefined ? "GET" : "POST", headers }).end(
      body,
    );
    const [answer] = await once(asked, "response");
    return { status: answer.statusCode as number, type: answer.headers["content-type"], body: await text(answer) };
  }

  async function up(socketPath: string, child: ChildProcess) {
    await expect
      .poll(
        () =>
          child.exitCode === null
            ? call(socketPath, "/ping").then(
                ({ status }) => status,
                () => 0,
              )
            : -1,
        {
          timeout: 60_000,
        },
      )
      .toBe(200);
  }

  test("the four functions answer, an error is the caller's to read, and SIGTERM ends it", async () => {
    const { child, socketPath } = await serve(
      { "model/word": "hello", "model/code/inference.py": inference },
      { SAGEMAKER_PROGRAM: "inference.py" },
    );
    await up(socketPath, child);
    const good = await call(socketPath, "/invocations", "[1,2]", { "content-type": "application/json" });
    expect(good).toMatchObject({ status: 200, type: "application/json" });
    expect(JSON.parse(good.body)).toMatchObject({ word: "hello", data: [1, 2] });
    const bad = await call(socketPath, "/invocations", "1,2", { "content-type": "text/csv" });
    expect(bad).toMatchObject({ status: 500, body: "ValueError: only JSON" });
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect((await exit)[0]).toBe(0);
  });

  test("workers are processes, as many as are asked for", async () => {
    const { child, socketPath } = await serve(
      { "model/word": "hello", "model/code/inference.py": inference },
      { SAGEMAKER_PROGRAM: "inference.py", SAGEMAKER_MODEL_SERVER_WORKERS: "2" },
    );
    await up(socketPath, child);
    const pids = new Set<number>();
    await expect
      .poll(
        async () => {
          const { body } = await call(socketPath, "/invocations", "[]", { "content-type": "application/json" });
          pids.add((JSON.parse(body) as { pid: number }).pid);
          return pids.size;
        },
        { timeout: 30_000 },
      )
      .toBe(2);
    const exit = once(child, "exit");
    child.kill("SIGTERM");
    expect((await exit)[0]).toBe(0);
  });

  test("a model that cannot be loaded ends it with the traceback", async () => {
    const { child } = await serve({ "model/code/inference.py": inference }, { SAGEMAKER_PROGRAM: "inference.py" });
    const said = text(child.stderr!);
    expect((await once(child, "exit"))[0]).toBe(1);
    expect(await said).toMatch(/FileNotFoundError.*word/);
  });
});
