import { expect, test } from "vitest";
import { onHost } from "./compose.ts";

const spec = {
  root: {
    kind: "files" as const,
    binds: [
      { source: "/host/node", target: "/opt/sagebrush/bin/node" },
      { source: "/host/build", target: "/opt/sagebrush/algorithms" },
    ],
  },
  mlDirectory: "/data/runs/1",
};

test.for<[string, string]>([
  ["/opt/sagebrush/bin/node", "/host/node"],
  ["/opt/sagebrush/algorithms/main.mjs", "/host/build/main.mjs"],
  ["/opt/sagebrush/algorithms-other", "/opt/sagebrush/algorithms-other"],
  ["/opt/ml/input/data/train", "/data/runs/1/input/data/train"],
  ["/opt/ml", "/data/runs/1"],
  ["train", "train"],
])("%s is %s on the host", ([inside, host]) => expect(onHost(spec, inside)).toBe(host));
