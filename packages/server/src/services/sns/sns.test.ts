import { verify, X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  ConfirmSubscriptionCommand,
  CreateTopicCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListSubscriptionsCommand,
  ListTagsForResourceCommand,
  ListTopicsCommand,
  PublishBatchCommand,
  PublishCommand,
  type PublishCommandInput,
  SetSubscriptionAttributesCommand,
  SetTopicAttributesCommand,
  SubscribeCommand,
  type SubscribeCommandInput,
  TagResourceCommand,
  UnsubscribeCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sns";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type SnsServer, startSnsServer } from "./testkit/sns-server.ts";
import { type Subscriber, startSubscriber } from "./testkit/subscriber.ts";

let folder: string;
let world: SnsServer;
let subscriber: Subscriber;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sns-"));
  world = await startSnsServer({ dataDirectory: folder });
  subscriber = await startSubscriber();
});
afterEach(async () => {
  await world.close();
  await subscriber.close();
  await rm(folder, { recursive: true, force: true });
});

test("topics are made once, hold attributes and tags, are listed, and go", async () => {
  const { sns } = world;
  const Tags = [{ Key: "team", Value: "churn" }];
  const { TopicArn } = await sns.send(
    new CreateTopicCommand({ Name: "results", Tags, Attributes: { DisplayName: "R" } }),
  );
  expect(TopicArn).toBe("arn:aws:sns:us-west-2:111122223333:results");
  expect((await sns.send(new CreateTopicCommand({ Name: "results" }))).TopicArn).toBe(TopicArn);
  const other = sns.send(new CreateTopicCommand({ Name: "results", Tags: [{ Key: "team", Value: "x" }] }));
  await expect(other).rejects.toMatchObject({ name: "InvalidParameterException", message: /different tags/u });
  await sns.send(new TagResourceCommand({ ResourceArn: TopicArn, Tags: [{ Key: "a", Value: "b" }] }));
  await sns.send(new UntagResourceCommand({ ResourceArn: TopicArn, TagKeys: ["team"] }));
  const tags = await sns.send(new ListTagsForResourceCommand({ ResourceArn: TopicArn }));
  expect(tags.Tags).toEqual([{ Key: "a", Value: "b" }]);
  const set = (AttributeName: string, AttributeValue: string) =>
    sns.send(new SetTopicAttributesCommand({ TopicArn, AttributeName, AttributeValue }));
  await set("SignatureVersion", "2");
  await expect(set("KmsMasterKeyId", "k")).rejects.toThrow(/KmsMasterKeyId is not supported/u);
  const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
  expect(Attributes).toMatchObject({
    ...{ TopicArn, Owner: "111122223333", DisplayName: "R", SignatureVersion: "2", SubscriptionsConfirmed: "0" },
  });
  for (let i = 0; i < 101; i++) await sns.send(new CreateTopicCommand({ Name: `t-${i}` }));
  const first = await sns.send(new ListTopicsCommand({}));
  expect(first.Topics).toHaveLength(100);
  const rest = await sns.send(new ListTopicsCommand({ NextToken: first.NextToken }));
  expect(rest.Topics).toHaveLength(2);
  expect(rest.NextToken).toBeUndefined();
  await sns.send(new DeleteTopicCommand({ TopicArn }));
  await sns.send(new DeleteTopicCommand({ TopicArn }));
  await expect(sns.send(new GetTopicAttributesCommand({ TopicArn }))).rejects.toMatchObject({
    ...{ name: "NotFoundException", message: "Topic does not exist", $metadata: { httpStatusCode: 404 } },
  });
});

test("an endpoint that has confirmed gets messages, signed so that it can tell, until it unsubscribes", async () => {
  const TopicArn = await topic();
  const pending = await subscribe(TopicArn);
  expect(pending.SubscriptionArn).toBe("pending confirmation");
  const asked = await messageOf(0);
  expect(subscriber.received[0]?.headers["x-amz-sns-message-type"]).toBe("SubscriptionConfirmation");
  expect(asked).toMatchObject({ Type: "SubscriptionConfirmation", TopicArn });
  await expectSigned(asked, ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]);
  // Nothing is sent to whom has not asked for it.
  await publish(TopicArn, { Message: "lost" });
  const page = await fetch(asked["SubscribeURL"] ?? "");
  expect(await page.text()).toContain(`<SubscriptionArn>${TopicArn}:`);
  const again = await world.sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: asked["Token"] }));
  expect(again.SubscriptionArn).toMatch(`${TopicArn}:`);
  const { MessageId } = await publish(TopicArn, {
    ...{ Subject: "A subject", Message: '{"ä": "\\n"}' },
    MessageAttributes: {
      kind: { DataType: "String", StringValue: "done" },
      bytes: { DataType: "Binary", BinaryValue: Buffer.from([1, 2]) },
    },
  });
  const message = await messageOf(1);
  expect(message).toMatchObject({
    ...{
      Type: "Notification",
      MessageId,
      TopicArn,
      Subject: "A subject",
      Message: '{"ä": "\\n"}',
      SignatureVersion: "1",
    },
    MessageAttributes: { kind: { Type: "String", Value: "done" }, bytes: { Type: "Binary", Value: "AQI=" } },
  });
  const signed = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
  await expectSigned(message, signed);
  expect(subscriber.received[1]?.headers).toMatchObject({
    "content-type": "text/plain; charset=UTF-8",
    "x-amz-sns-message-id": MessageId,
    "x-amz-sns-subscription-arn": again.SubscriptionArn,
  });
  await world.sns.send(
    new SetTopicAttributesCommand({ TopicArn, AttributeName: "SignatureVersion", AttributeValue: "2" }),
  );
  await publish(TopicArn, { Message: JSON.stringify({ default: "d", http: "h" }), MessageStructure: "json" });
  const second = await messageOf(2);
  expect(second).toMatchObject({ Message: "h", SignatureVersion: "2" });
  await expectSigned(second, signed);
  expect((await fetch(message["UnsubscribeURL"] ?? "")).status).toBe(200);
  await publish(TopicArn, { Message: "too late" });
  expect((await world.sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }))).Subscriptions).toEqual([]);
  expect(subscriber.received).toHaveLength(3);
});

test("raw messages go out as they are; a batch is taken entry by entry", async () => {
  const TopicArn = await topic();
  const SubscriptionArn = await confirmed(TopicArn, { Attributes: { RawMessageDelivery: "true" } });
  const { Successful, Failed } = await world.sns.send(
    new PublishBatchCommand({
      TopicArn,
      PublishBatchRequestEntries: [
        { Id: "good", Message: "one" },
        { Id: "bad", Message: "x", Subject: "line\nbreak" },
      ],
    }),
  );
  expect(Successful).toMatchObject([{ Id: "good" }]);
  expect(Failed).toEqual([
    { Id: "bad", Code: "InvalidParameter", Message: "Invalid parameter: Subject", SenderFault: true },
  ]);
  await vi.waitFor(() => expect(subscriber.received.at(-1)).toMatchObject({ body: "one" }), patiently);
  expect(subscriber.received.at(-1)?.headers["x-amz-sns-rawdelivery"]).toBe("true");
  const { Attributes } = await world.sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  expect(Attributes).toMatchObject({ PendingConfirmation: "false", RawMessageDelivery: "true", Protocol: "http" });
  await world.sns.send(
    new SetSubscriptionAttributesCommand({
      SubscriptionArn,
      AttributeName: "RawMessageDelivery",
      AttributeValue: "false",
    }),
  );
  await publish(TopicArn, { Message: "two" });
  expect(await messageOf(2)).toMatchObject({ Message: "two" });
  await world.sns.send(new UnsubscribeCommand({ SubscriptionArn }));
  await world.sns.send(new UnsubscribeCommand({ SubscriptionArn }));
  expect((await world.sns.send(new ListSubscriptionsCommand({}))).Subscriptions).toEqual([]);
});

test("a failing endpoint is tried again by the policy, over a restart of the server, and then no more", async () => {
  const TopicArn = await topic({
    DeliveryPolicy: JSON.stringify({
      http: { defaultHealthyRetryPolicy: { minDelayTarget: 10, maxDelayTarget: 30, numRetries: 3 } },
    }),
  });
  await confirmed(TopicArn);
  subscriber.answer = () => 503;
  const { MessageId } = await publish(TopicArn, { Message: "patience" });
  await attempts(1);
  await expectNext(10_000);
  world.advance(10_000);
  await attempts(2);
  await expectNext(20_000);
  await world.close();
  world = await startSnsServer({ dataDirectory: folder });
  // What the restart found waits for its time, on a clock that nobody has moved.
  await vi.waitFor(() => expect(world.timers.delays).toHaveLength(1), patiently);
  world.advance(world.timers.delays[0] as number);
  await attempts(3);
  subscriber.answer = () => 200;
  await vi.waitFor(() => expect(world.timers.delays).toHaveLength(1), patiently);
  world.advance(30_000);
  await attempts(4);
  expect(new Set(subscriber.received.slice(1).map(({ body }) => JSON.parse(body).MessageId))).toEqual(
    new Set([MessageId]),
  );
  // A refusal is final, and so is the last attempt.
  subscriber.answer = () => 404;
  await publish(TopicArn, { Message: "refused" });
  await attempts(5);
  await emptied();
  expect(world.timers.delays).toEqual([]);
  subscriber.answer = () => 500;
  await publish(TopicArn, { Message: "hopeless" });
  for (let tries = 6; tries < 9; tries++) {
    await attempts(tries);
    await vi.waitFor(() => expect(world.timers.delays).toHaveLength(1), patiently);
    world.advance(30_000);
  }
  await attempts(9);
  await emptied();
  expect(world.timers.delays).toEqual([]);
});

test("a dead endpoint keeps no other waiting, and messages for it go with its subscription", async () => {
  const TopicArn = await topic();
  const dead = await startSubscriber();
  await confirmed(TopicArn, {}, dead);
  await dead.close();
  await confirmed(TopicArn);
  for (let i = 0; i < 40; i++) await publish(TopicArn, { Message: `m${i}` });
  await attempts(40);
  expect(new Set(subscriber.messages().map(({ Message }) => Message)).size).toBe(41);
  await vi.waitFor(() => expect(world.timers.delays).toHaveLength(40), patiently);
  await world.sns.send(new DeleteTopicCommand({ TopicArn }));
  world.advance(20_000);
  await emptied();
});

test("a thousand messages are delivered once each", async () => {
  const TopicArn = await topic();
  await confirmed(TopicArn);
  const { notifications } = world;
  const scope = { partition: "aws", account: "111122223333", region: "us-west-2" };
  const { store } = world.server.platform;
  const publishOne = async (i: number) => store.write(await notifications.announce(scope, TopicArn, String(i)));
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => publishOne(i)));
  await vi.waitFor(() => expect(subscriber.received).toHaveLength(1_001), { timeout: 100_000, interval: 20 });
  expect(
    new Set(
      subscriber
        .messages()
        .slice(1)
        .map(({ Message }) => Message),
    ).size,
  ).toBe(1_000);
  await emptied();
}, 120_000);

test("messages go nowhere that the configuration does not allow, whatever name it has", async () => {
  await world.close();
  world = await startSnsServer({ dataDirectory: folder, snsNetworks: ["public"] });
  const TopicArn = await topic();
  for (const host of ["127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1"]) {
    const asked = subscribe(TopicArn, { Endpoint: `http://${host}:${new URL(subscriber.address).port}/` });
    await expect(asked, host).rejects.toThrow(/is an address that this server does not send to/u);
  }
  // A name is looked up when something is sent, by the connection itself.
  const Endpoint = subscriber.address.replace("127.0.0.1", "localhost");
  await subscribe(TopicArn, { Endpoint });
  await vi.waitFor(() => expect(world.timers.delays).toHaveLength(1), patiently);
  expect(subscriber.received).toEqual([]);
});

test("redirects are not followed, and passwords are not shown", async () => {
  const TopicArn = await topic();
  const elsewhere = await startSubscriber();
  subscriber.answer = () => [302, { location: `${elsewhere.address}/internal` }];
  await subscribe(TopicArn, { Endpoint: subscriber.address.replace("//", "//user:p%40ss@") });
  await attempts(0);
  expect(subscriber.received[0]?.headers.authorization).toBe(`Basic ${Buffer.from("user:p@ss").toString("base64")}`);
  await emptied();
  expect(elsewhere.received).toEqual([]);
  await elsewhere.close();
  const { Subscriptions } = await world.sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
  expect(Subscriptions).toMatchObject([
    { SubscriptionArn: "PendingConfirmation", Endpoint: subscriber.address.replace("//", "//user:****@") },
  ]);
});

test.for<[string, Partial<SubscribeCommandInput>, RegExp]>([
  ["another protocol", { Protocol: "sqs" }, /delivers by http and https, not by sqs/u],
  ["no address", { Endpoint: "nowhere" }, /HTTP Endpoint/u],
  ["a line break", { Endpoint: "http://127.0.0.1:1/x\r\nHost: y" }, /HTTP Endpoint/u],
  ["another scheme", { Protocol: "https" }, /Endpoint must match the specified protocol/u],
  ["an attribute that is not there", { Attributes: { FilterPolicy: "{}" } }, /FilterPolicy is not supported/u],
  ["a policy that is not JSON", { Attributes: { DeliveryPolicy: "{" } }, /DeliveryPolicy: it is not JSON/u],
  ["a topic of nobody", { TopicArn: "arn:aws:sns:us-west-2:111122223333:other" }, /Topic does not exist/u],
  ["a topic of another account", { TopicArn: "arn:aws:sns:us-west-2:999999999999:t" }, /Topic does not exist/u],
  ["no ARN", { TopicArn: "t" }, /Invalid parameter: TopicArn/u],
])("Subscribe refuses %s", async ([, input, message]) => {
  const TopicArn = await topic();
  await expect(subscribe(TopicArn, input)).rejects.toThrow(message);
  expect((await world.sns.send(new ListSubscriptionsCommand({}))).Subscriptions).toEqual([]);
});

test.for<[string, Partial<PublishCommandInput>, RegExp]>([
  ["an empty message", { Message: "" }, /Empty message/u],
  ["a message that is too long", { Message: "x".repeat(256 * 1024 + 1) }, /Message too long/u],
  ["a structure without default", { Message: "{}", MessageStructure: "json" }, /No default entry/u],
  ["a number that is none", { MessageAttributes: { n: { DataType: "Number", StringValue: "x" } } }, /n is no number/u],
  ["a telephone", { PhoneNumber: "+15551234" }, /PhoneNumber/u],
])("Publish refuses %s", async ([, input, message]) => {
  await expect(publish(await topic(), input)).rejects.toThrow(message);
});

test("a token confirms its own subscription only", async () => {
  const TopicArn = await topic();
  await subscribe(TopicArn);
  const { Token = "" } = await messageOf(0);
  const wrong = Token.slice(0, -1) + (Token.endsWith("0") ? "1" : "0");
  for (const each of [wrong, "x", ""]) {
    const answer = await fetch(`${world.server.endpoint}/_sagebrush/sns/confirm?TopicArn=${TopicArn}&Token=${each}`);
    expect([answer.status, await answer.text()]).toEqual([400, "Invalid parameter: Token\n"]);
  }
  world.advance(49 * 3600_000);
  const late = await fetch(`${world.server.endpoint}/_sagebrush/sns/confirm?TopicArn=${TopicArn}&Token=${Token}`);
  expect(await late.text()).toMatch(/expired/u);
});

const patiently = { timeout: 20_000, interval: 5 };

async function topic(Attributes: Record<string, string> = {}): Promise<string> {
  const { TopicArn } = await world.sns.send(new CreateTopicCommand({ Name: "topic", Attributes }));
  return TopicArn ?? "";
}

function subscribe(TopicArn: string, input: Partial<SubscribeCommandInput> = {}) {
  return world.sns.send(new SubscribeCommand({ TopicArn, Protocol: "http", Endpoint: subscriber.address, ...input }));
}

async function confirmed(
  TopicArn: string,
  input: Partial<SubscribeCommandInput> = {},
  who = subscriber,
): Promise<string> {
  const before = who.received.length;
  await subscribe(TopicArn, { Endpoint: who.address, ...input });
  await vi.waitFor(() => expect(who.received.length).toBeGreaterThan(before), patiently);
  const { Token } = JSON.parse(who.received[before]?.body ?? "");
  const { SubscriptionArn } = await world.sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token }));
  return SubscriptionArn ?? "";
}

function publish(TopicArn: string, input: Partial<PublishCommandInput>) {
  return world.sns.send(new PublishCommand({ TopicArn, Message: "hello", ...input }));
}

async function messageOf(index: number): Promise<Record<string, string>> {
  await vi.waitFor(() => expect(subscriber.received.length).toBeGreaterThan(index), patiently);
  return JSON.parse(subscriber.received[index]?.body ?? "") as Record<string, string>;
}

/** Waits until the subscriber was asked so many times after the question whether it wants messages. */
async function attempts(count: number): Promise<void> {
  await vi.waitFor(() => expect(subscriber.received).toHaveLength(count + 1), patiently);
}

async function expectNext(delayMs: number): Promise<void> {
  await vi.waitFor(() => expect(world.timers.delays).toHaveLength(1), patiently);
  const [left = 0] = world.timers.delays;
  expect(left).toBeGreaterThan(delayMs - 5_000);
  expect(left).toBeLessThanOrEqual(delayMs);
}

/** Waits until nothing is left to be delivered. */
async function emptied(): Promise<void> {
  const { store } = world.server.platform;
  const left = async () => (await store.list({ kind: "sns-delivery", limit: 10 })).records;
  await vi.waitFor(async () => expect(await left()).toEqual([]), patiently);
}

async function expectSigned(message: Record<string, string>, members: readonly string[]): Promise<void> {
  const certificate = new X509Certificate(await (await fetch(message["SigningCertURL"] ?? "")).text());
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  const text = members
    .filter((name) => message[name] !== undefined)
    .map((name) => `${name}\n${message[name]}\n`)
    .join("");
  const hash = message["SignatureVersion"] === "1" ? "sha1" : "sha256";
  const signature = Buffer.from(message["Signature"] ?? "", "base64");
  expect(verify(hash, Buffer.from(text), certificate.publicKey, signature)).toBe(true);
  expect(verify(hash, Buffer.from(`${text}x`), certificate.publicKey, signature)).toBe(false);
}
