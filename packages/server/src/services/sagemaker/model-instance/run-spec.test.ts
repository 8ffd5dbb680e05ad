import { expect, test } from "vitest";
import type { DataDirectory } from "../../../data-directory.ts";
import type { RootFs } from "../../../engines/engine.ts";
import { runSpec, type ServerPlan } from "./run-spec.ts";

const directory = { runs: "/data/runs", logs: "/data/logs" } as DataDirectory;
const roots = {
  files: { kind: "files", binds: [] },
  "host-tools": { kind: "host-tools", binds: [] },
  layers: { kind: "layers", layers: [], binds: [], folders: [], mlFolders: [] },
  image: { kind: "image", reference: "mine:1", id: "sha256:1", binds: [] },
} satisfies Record<RootFs["kind"], RootFs>;
const role = "arn:aws:iam::123456789012:role/SagebrushExecutionRole";
const access = {
  environment: (run: string, region: string) => ({
    addresses: { AWS_ENDPOINT_URL: "http://platform" },
    credentials: { AWS_REGION: region, AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://platform/${run}` },
  }),
};

function spec(
  kind: RootFs["kind"],
  container: Partial<ServerPlan["container"]>,
  environment: Record<string, string> = {},
) {
  const plan: ServerPlan = {
    instanceType: "ml.m5.large",
    container: { image: "i", environment, needsIsolation: false, executionRoleArn: role, ...container },
  };
  const image = { root: roots[kind], command: ["serve"], environment, workingDirectory: "/", notices: [] };
  return runSpec(directory, plan, "e-0-1", "eu-west-1", { image, channels: [], access, isIsolated: true });
}

const bridge = (internet: boolean) => ({ kind: "bridge", name: "e-0-1", hosts: ["model"], internet });
const [socket, port] = [{ socket: true }, { port: 8080 }];

test.for<[RootFs["kind"], boolean, object]>([
  ["files", false, { network: { kind: "none" }, serves: socket, calls: false }],
  ["files", true, { network: { kind: "none" }, serves: socket, calls: false }],
  ["host-tools", false, { network: bridge(true), serves: socket, calls: true }],
  ["host-tools", true, { network: { kind: "none" }, serves: socket, calls: false }],
  ["layers", false, { network: bridge(true), serves: port, calls: true }],
  ["layers", true, { network: bridge(false), serves: port, calls: false }],
  ["image", false, { network: bridge(true), serves: port, calls: true }],
  ["image", true, { network: bridge(false), serves: port, calls: false }],
])("what a model server from %s reaches, isolated: %s", ([kind, needsIsolation, wanted]) => {
  const { network, serves, environment } = spec(kind, { needsIsolation });
  const calls = "AWS_CONTAINER_CREDENTIALS_FULL_URI" in environment && "AWS_ENDPOINT_URL" in environment;
  expect({ network, serves, calls }).toEqual(wanted);
});

test("the model's own variables replace the addresses, but not the credentials", () => {
  const own = { AWS_ENDPOINT_URL: "http://mine", AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://mine" };
  expect(spec("layers", {}, own).environment).toMatchObject({
    AWS_ENDPOINT_URL: "http://mine",
    AWS_CONTAINER_CREDENTIALS_FULL_URI: "http://platform/e-0-1",
  });
});
