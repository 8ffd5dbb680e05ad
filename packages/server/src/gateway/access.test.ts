import { execFileSync, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { AssumeRoleCommand, GetCallerIdentityCommand, GetSessionTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { describe, expect, onTestFinished, test } from "vitest";
import { iamService } from "../services/iam/service.ts";
import { stsService } from "../services/sts/service.ts";
import type { CreateSession } from "../services/sts/session.ts";
import { credentialStore, newPair, openCredentials } from "./credentials.ts";
import { UnsafeListener } from "./gateway.ts";
import { startTestServer, type TestServer, type TestServerOptions } from "./testkit.ts";

/** A server of STS and IAM that ends with the test. */
async function start(options: Omit<TestServerOptions, "services"> = {}): Promise<TestServer> {
  let create: CreateSession | undefined;
  const sts = stsService((grant) => (create as CreateSession)(grant));
  const server = await startTestServer({ ...options, services: [sts, iamService] });
  create = server.credentialStore.createSession;
  onTestFinished(() => server.close());
  return server;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "sagebrush-access-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe("credentials", () => {
  test("the first start makes a key pair that only its owner may read, the second finds it", async () => {
    const file = join(await folder(), "credentials.json");
    const { root } = openCredentials(file);
    expect(root.accessKeyId).toMatch(/^AKIA[A-Z2-7]{16}$/);
    expect(root.secretAccessKey).toHaveLength(40);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, "utf8"))).toEqual(root);
    expect(openCredentials(file).root).toEqual(root);
  });

  test("a session's token opens only with the secret that sealed it, and only unchanged", () => {
    const [ours, other] = [credentialStore(newPair("AKIA")), credentialStore(newPair("AKIA"))];
    const grant = { account: "111122223333", arn: "arn", userId: "id", expiresAt: 1000 };
    const { accessKeyId, token } = ours.createSession(grant);
    expect(ours.lookup(accessKeyId, token, 999)).toMatchObject({ accessKeyId, session: grant });
    expect(ours.lookup(accessKeyId, token, 1000)).toBe("expiredToken");
    expect(ours.lookup(ours.root.accessKeyId, token, 0)).toBe("invalidToken");
    expect(ours.lookup(accessKeyId, undefined, 0)).toBe("unknownKey");
    expect(other.lookup(accessKeyId, token, 0)).toBe("invalidToken");
    for (let at = 0; at < token.length; at += 7) {
      const changed = `${token.slice(0, at)}${token[at] === "A" ? "B" : "A"}${token.slice(at + 1)}`;
      expect(ours.lookup(accessKeyId, changed, 0)).toBe("invalidToken");
    }
  });
});

describe("sessions over the wire", () => {
  const assume = { RoleArn: "arn:aws:iam::999988887777:role/Data", RoleSessionName: "me", DurationSeconds: 900 };

  test("temporary credentials work until the second they were given", async () => {
    let now = Date.now();
    const server = await start({ clock: { now: () => now } });
    const { Credentials } = await new STSClient(server.client).send(new AssumeRoleCommand(assume));
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId as string,
      secretAccessKey: Credentials?.SecretAccessKey as string,
      sessionToken: Credentials?.SessionToken as string,
    };
    const client = new STSClient({ ...server.client, credentials, systemClockOffset: 0 });
    expect(await client.send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: "999988887777" });
    const expires = Credentials?.Expiration?.getTime() as number;
    expect(expires - now).toBeGreaterThan(899_000);
    now = expires;
    await expect(client.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({ name: "ExpiredToken" });
  });

  test("GetSessionToken keeps the caller's identity", async () => {
    const server = await start();
    const { Credentials } = await new STSClient(server.client).send(new GetSessionTokenCommand({}));
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId as string,
      secretAccessKey: Credentials?.SecretAccessKey as string,
      sessionToken: Credentials?.SessionToken as string,
    };
    const identity = await new STSClient({ ...server.client, credentials }).send(new GetCallerIdentityCommand({}));
    expect(identity.Arn).toBe("arn:aws:sts::111122223333:assumed-role/SagebrushExecutionRole/sagebrush");
  });

  test("session tags: keys differ by more than case, and transitive ones cannot be set again", async () => {
    const server = await start();
    const tagged = {
      ...assume,
      Tags: [
        { Key: "tenant", Value: "a" },
        { Key: "team", Value: "x" },
      ],
    };
    const root = new STSClient(server.client);
    const refused = async (sts: STSClient, input: object) =>
      (await sts.send(new AssumeRoleCommand({ ...assume, ...input })).catch((error: unknown) => error)) as Error;
    expect(await refused(root, { Tags: [...tagged.Tags, { Key: "TEAM", Value: "y" }] })).toMatchObject({
      name: "ValidationError",
      message: "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    });
    expect(await refused(root, { TransitiveTagKeys: ["tenant"] })).toMatchObject({
      name: "ValidationError",
      message: expect.stringContaining("tenant must be included"),
    });
    const { Credentials } = await root.send(new AssumeRoleCommand({ ...tagged, TransitiveTagKeys: ["tenant"] }));
    const credentials = {
      accessKeyId: Credentials?.AccessKeyId as string,
      secretAccessKey: Credentials?.SecretAccessKey as string,
      sessionToken: Credentials?.SessionToken as string,
    };
    const session = server.credentialStore.lookup(credentials.accessKeyId, credentials.sessionToken, Date.now());
    expect(session).toMatchObject({
      session: {
        tags: [
          { key: "tenant", value: "a", transitive: true },
          { key: "team", value: "x", transitive: false },
        ],
      },
    });
    const sts = new STSClient({ ...server.client, credentials });
    expect(await refused(sts, { Tags: [{ Key: "Tenant", Value: "b" }] })).toMatchObject({
      name: "ValidationError",
      message: expect.stringContaining("conflicts with a transitive tag key from the calling session: tenant"),
    });
    const next = await sts.send(new AssumeRoleCommand({ ...assume, Tags: [{ Key: "team", Value: "y" }] }));
    const { AccessKeyId, SessionToken } = next.Credentials ?? {};
    expect(server.credentialStore.lookup(AccessKeyId as string, SessionToken, Date.now())).toMatchObject({
      session: {
        tags: [
          { key: "tenant", value: "a" },
          { key: "team", value: "y" },
        ],
      },
    });
  });

  test("an ARN that is no role's, and a session name that breaks the model, are refused", async () => {
    const server = await start();
    const sts = new STSClient(server.client);
    const bad = new AssumeRoleCommand({ ...assume, RoleArn: "arn:aws:iam::999988887777:user/someone" });
    await expect(sts.send(bad)).rejects.toMatchObject({ name: "ValidationError" });
    await expect(sts.send(new AssumeRoleCommand({ ...assume, RoleSessionName: "a b" }))).rejects.toMatchObject({
      name: "ValidationError",
      message: expect.stringMatching(/^1 validation error detected: Value 'a b' at 'roleSessionName'/),
    });
  });
});

describe("--auth open", () => {
  test("takes any credentials, and an account id as the access key", async () => {
    const server = await start({ configuration: { auth: "open" } });
    const as = (accessKeyId: string) =>
      new STSClient({ ...server.client, credentials: { accessKeyId, secretAccessKey: "anything" } });
    expect(await as("test").send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: "111122223333" });
    expect(await as("444455556666").send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: "444455556666" });
  });

  test("takes a form without any signature, and finds its service by Version", async () => {
    const server = await start({ configuration: { auth: "open" } });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const body = "Action=GetRole&Version=2010-05-08&RoleName=SageMakerRole";
    const answer = await fetch(server.endpoint, { method: "POST", headers, body });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining("<RoleName>SageMakerRole")]);
  });
});

describe("listening", () => {
  test.for<[string, TestServerOptions["configuration"]]>([
    ["open to all off loopback", { host: "0.0.0.0", auth: "open", insecure: true }],
    ["without TLS off loopback", { host: "0.0.0.0" }],
  ])("refuses to start %s", async ([, configuration]) => {
    await expect(startTestServer({ services: [], configuration: configuration ?? {} })).rejects.toThrow(UnsafeListener);
  });

  const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
  test.skipIf(!hasOpenssl)("speaks TLS with the given certificate (skipped without openssl)", async () => {
    const at = await folder();
    const [key, cert] = [join(at, "key.pem"), join(at, "cert.pem")];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
    execFileSync("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
    const server = await start({ configuration: { tls: { certificateFile: cert, keyFile: key } } });
    expect(server.endpoint).toMatch(/^https:/);
    const ca = await readFile(cert);
    const status = await new Promise((resolve, reject) => {
      const health = { host: "127.0.0.1", port: server.port, path: "/_sagebrush/health", ca };
      request(health, (answer) => resolve(answer.resume().statusCode))
        .on("error", reject)
        .end();
    });
    expect(status).toBe(200);
  });
});

test("every region name is answered, with its own partition", async () => {
  const server = await start();
  const iam = (region: string) => new IAMClient({ ...server.client, region });
  const role = new GetRoleCommand({ RoleName: "SagebrushExecutionRole" });
  expect((await iam("cn-north-1").send(role)).Role?.Arn).toMatch(/^arn:aws-cn:iam::/);
  expect((await iam("xx-nowhere-9").send(role)).Role?.Arn).toMatch(/^arn:aws:iam::/);
});
