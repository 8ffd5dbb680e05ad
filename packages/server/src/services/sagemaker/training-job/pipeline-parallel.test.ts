import { afterAll, beforeAll, expect, test } from "vitest";
import type { Engine } from "../../../engines/engine.ts";
import { openEngine } from "../../../engines/open-engine.ts";
import { requirements, where } from "../../../engines/requirements.ts";
import { Images } from "../../../images/images.ts";
import { silentLog } from "../../../log.ts";
import { bytes, type JobServer, startJobServerOn } from "./testkit/job-server.ts";
import { nodeImages } from "./testkit/node-images.ts";

/** Enough for Node and one of the model's two layers, which have 128 MiB each. */
const smallMemory = 230 * 2 ** 20;

/**
 * A perceptron whose layers lie on the hosts there are, one after the other: activations go forward over eth0 and
 * gradients come back. The last host writes the loss into the model.
 */
const program = `
  import { once } from "node:events";
  import { readFileSync, writeFileSync } from "node:fs";
  import { connect, createServer } from "node:net";
  const wide = 65536, narrow = 512, steps = 3, port = 6000;
  const { current_host: me, hosts } = JSON.parse(readFileSync("/opt/ml/input/config/resourceconfig.json", "utf8"));
  const rank = hosts.indexOf(me);

  /** A layer without biases: rows by columns, in one array. */
  class Layer {
    constructor(rows, columns, seed) {
      this.rows = rows; this.columns = columns; this.weights = new Float32Array(rows * columns);
      for (let i = 0, state = seed; i < this.weights.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        this.weights[i] = (state / 2 ** 32 - 0.5) / Math.sqrt(columns);
      }
    }
    forward(input) {
      this.input = input;
      const output = new Float32Array(this.rows);
      for (let r = 0, w = 0; r < this.rows; r++) {
        let sum = 0;
        for (let c = 0; c < this.columns; c++, w++) sum += this.weights[w] * input[c];
        output[r] = sum;
      }
      return output;
    }
    /** Takes a step down the gradient; returns the gradient by the input. */
    backward(gradient, rate) {
      const byInput = new Float32Array(this.columns);
      for (let r = 0, w = 0; r < this.rows; r++) {
        const g = gradient[r];
        if (g === 0) { w += this.columns; continue; }
        for (let c = 0; c < this.columns; c++, w++) {
          byInput[c] += this.weights[w] * g;
          this.weights[w] -= rate * g * this.input[c];
        }
      }
      return byInput;
    }
  }
  const input = (step) => Float32Array.from({ length: narrow }, (_, i) => Math.sin(i * 0.7 + step));
  const target = (step) => Float32Array.from({ length: narrow }, (_, i) => Math.cos(i * 0.3 + step));
  const relu = (values) => values.map((value) => Math.max(0, value));
  const first = rank === 0 ? new Layer(wide, narrow, 1) : undefined;
  const last = rank === hosts.length - 1 ? new Layer(narrow, wide, 2) : undefined;

  /** Floats over a socket, so many at a time. */
  function channel(socket) {
    let waiting = Buffer.alloc(0);
    const more = () => once(socket, "data").then(([chunk]) => { waiting = Buffer.concat([waiting, chunk]); });
    return {
      send: (floats) => socket.write(Buffer.from(floats.buffer, floats.byteOffset, floats.byteLength)),
      async receive(count) {
        while (waiting.length < count * 4) await more();
        const bytes = waiting.subarray(0, count * 4);
        waiting = waiting.subarray(count * 4);
        return new Float32Array(Uint8Array.from(bytes).buffer);
      },
      end: () => socket.end(),
    };
  }
  async function toNext() {
    for (;;) {
      const socket = connect(port, hosts[rank + 1]);
      try { await once(socket, "connect"); return channel(socket); }
      catch { await new Promise((resolve) => setTimeout(resolve, 50)); }
    }
  }
  async function fromBefore() {
    const server = createServer().listen(port);
    const [socket] = await once(server, "connection");
    server.close();
    return channel(socket);
  }
  const after = last ? undefined : await toNext();
  const before = first ? undefined : await fromBefore();
  let loss = 0;
  for (let step = 0; step < steps; step++) {
    const hidden = first && first.forward(input(step));
    if (after) after.send(relu(hidden));
    let byActivation;
    if (last) {
      const output = last.forward(before ? await before.receive(wide) : relu(hidden));
      const error = output.map((value, i) => value - target(step)[i]);
      loss = error.reduce((sum, value) => sum + value * value, 0) / narrow;
      byActivation = last.backward(error.map((value) => value / narrow), 0.05);
      if (before) before.send(byActivation);
    } else byActivation = await after.receive(wide);
    if (first) first.backward(byActivation.map((value, i) => (hidden[i] > 0 ? value : 0)), 0.05);
  }
  after?.end();
  if (last) { writeFileSync("/opt/ml/model/loss", String(loss)); console.log("loss=" + loss); }
`;

where(
  "a model that no host can hold",
  [
    requirements.root,
    requirements.bubblewrap,
    requirements.iproute2,
    requirements.nftables,
    requirements.memoryControlGroups,
  ],
  () => {
    const worlds: Partial<Record<"large" | "small", JobServer<Engine>>> = {};
    beforeAll(async () => {
      for (const [size, memory] of [
        ["large", 8 * 2 ** 30],
        ["small", smallMemory],
      ] as const) {
        const world = await startJobServerOn(
          (directory) => openEngine({ directory, kind: "sandbox", log: silentLog }),
          new Images([nodeImages]),
          {},
          memory,
        );
        await world.server.platform.objects.put("data", "code/main.mjs", bytes(program));
        worlds[size] = world;
      }
    });
    afterAll(async () => {
      for (const world of Object.values(worlds)) await world.close();
    });

    const train = async (size: "large" | "small", InstanceCount: number) => {
      const world = worlds[size] as JobServer<Engine>;
      const name = await world.create({
        AlgorithmSpecification: {
          TrainingImage: "node:24",
          TrainingInputMode: "File",
          ContainerArguments: ["/opt/ml/input/data/code/main.mjs"],
          MetricDefinitions: [{ Name: "loss", Regex: "loss=(\\S+)" }],
        },
        InputDataConfig: [
          {
            ChannelName: "code",
            DataSource: { S3DataSource: { S3DataType: "S3Prefix", S3Uri: "s3://data/code/" } },
          },
        ],
        ResourceConfig: { InstanceType: "ml.m5.large", InstanceCount, VolumeSizeInGB: 1 },
      });
      const job = await world.until(name, "Completed", "Failed");
      return { reason: job.FailureReason, loss: job.FinalMetricDataList?.[0]?.Value as number };
    };

    test("is trained by two that hold a part each, with the loss of one that is large enough", async () => {
      const { reason } = await train("small", 1);
      expect(reason).toMatch(/^ClientError: Please use an instance type with more memory/);
      const apart = await train("small", 2);
      expect(apart.reason).toBeUndefined();
      const together = await train("large", 1);
      expect(together.reason).toBeUndefined();
      expect(apart.loss / together.loss).toBeCloseTo(1, 2);
      expect(together.loss).toBeLessThan(1);
    }, 120_000);
  },
);
