import { request } from "node:http";
import { CreateTrainingJobCommand, SageMakerClient } from "@aws-sdk/client-sagemaker";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { afterAll, beforeAll, expect, test } from "vitest";
import { platformSocketPath } from "../../../engines/index.ts";
import { stsService } from "../../sts/service.ts";
import type { CreateSession } from "../../sts/session.ts";
import { type JobServer, roleArn, startJobServerOn, trainingJob } from "./testkit/job-server.ts";
import { readyImages } from "./testkit/ready-images.ts";
import { ScriptedEngine, type ScriptedRun } from "./testkit/scripted-engine.ts";

let jobs: JobServer;
let createSession: CreateSession;
beforeAll(async () => {
  const sts = stsService((grant) => createSession(grant));
  jobs = await startJobServerOn(async () => new ScriptedEngine(), readyImages("host-tools"), {}, undefined, {
    services: [sts],
  });
  createSession = jobs.server.credentialStore.createSession;
});
afterAll(() => jobs.close());

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
}

/** A client configuration of a session of a role that is tagged with a tenant. */
async function asTenant(value: string) {
  const { Credentials } = await new STSClient(jobs.server.client).send(
    new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: "creator",
      Tags: [
        { Key: "tenant", Value: value },
        { Key: "note", Value: "n" },
      ],
      TransitiveTagKeys: ["tenant"],
    }),
  );
  const credentials: Keys = {
    accessKeyId: Credentials?.AccessKeyId as string,
    secretAccessKey: Credentials?.SecretAccessKey as string,
    sessionToken: Credentials?.SessionToken as string,
  };
  return { ...jobs.server.client, credentials };
}

/** Creates a job of an image of its own, and waits for its run. */
async function start(client: JobServer["server"]["client"], changes: object): Promise<ScriptedRun> {
  const before = new Set(jobs.engine.runs.keys());
  const AlgorithmSpecification = { TrainingImage: "registry.example/mine:1", TrainingInputMode: "File" as const };
  const input = trainingJob({ AlgorithmSpecification, HyperParameters: {}, ...changes });
  await new SageMakerClient(client).send(new CreateTrainingJobCommand(input));
  const started = () => [...jobs.engine.runs.values()].find(({ id }) => !before.has(id));
  await expect.poll(started, { timeout: 20_000 }).toBeDefined();
  return started() as ScriptedRun;
}

/** The credentials that the run's own code gets, as its SDK would ask for them. */
async function credentialsInside({ spec: { environment } }: ScriptedRun): Promise<Keys> {
  const { pathname } = new URL(environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] as string);
  const headers = { authorization: environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] as string, host: "169.254.170.2" };
  const socketPath = platformSocketPath(jobs.server.platform.dataDirectory.engine);
  const body = await new Promise<string>((resolve, reject) => {
    const asked = request({ socketPath, path: pathname, headers }, (answer) => {
      answer.toArray().then((chunks) => resolve(Buffer.concat(chunks as Buffer[]).toString()), reject);
    });
    asked.on("error", reject).end();
  });
  const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(body) as Record<string, string>;
  return {
    accessKeyId: AccessKeyId as string,
    secretAccessKey: SecretAccessKey as string,
    sessionToken: Token as string,
  };
}

function tagsOf({ accessKeyId, sessionToken }: Keys): unknown {
  const found = jobs.server.credentialStore.lookup(accessKeyId, sessionToken, Date.now());
  return typeof found === "string" ? found : found.session?.tags;
}

test("the tags of the creating session are those of the job's credentials, and bind what code inside may claim", async () => {
  const run = await start(await asTenant("blue"), { SessionChainingConfig: { EnableSessionTagChaining: true } });
  const credentials = await credentialsInside(run);
  expect(tagsOf(credentials)).toEqual([
    { key: "tenant", value: "blue", transitive: true },
    { key: "note", value: "n", transitive: false },
  ]);
  const inside = new STSClient({ ...jobs.server.client, credentials });
  const other = { RoleArn: roleArn, RoleSessionName: "inside", Tags: [{ Key: "tenant", Value: "red" }] };
  await expect(inside.send(new AssumeRoleCommand(other))).rejects.toThrow("conflicts with a transitive tag key");
});

test.for<[string, object]>([
  ["without chaining", {}],
  ["with chaining off", { SessionChainingConfig: { EnableSessionTagChaining: false } }],
])("%s a job's credentials have no tags", async ([, changes]) => {
  const run = await start(await asTenant("blue"), changes);
  expect(tagsOf(await credentialsInside(run))).toBeUndefined();
});

test("chaining without a session has nothing to hand on", async () => {
  const run = await start(jobs.server.client, { SessionChainingConfig: { EnableSessionTagChaining: true } });
  expect(tagsOf(await credentialsInside(run))).toBeUndefined();
});
