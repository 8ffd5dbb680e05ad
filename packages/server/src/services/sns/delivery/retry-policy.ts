import { invalidParameter } from "../errors.ts";

/** How often a message is tried again, as a delivery policy has it. Delays are in seconds. */
export interface RetryPolicy {
  readonly minDelayTarget: number;
  readonly maxDelayTarget: number;
  /** After the first attempt, all phases together. */
  readonly numRetries: number;
  readonly numNoDelayRetries: number;
  readonly numMinDelayRetries: number;
  readonly numMaxDelayRetries: number;
  readonly backoffFunction: BackoffFunction;
}

type BackoffFunction = keyof typeof backoffs;

/** What a delivery goes by. */
export interface DeliveryPolicy {
  readonly retry: RetryPolicy;
  /** Content-Type of requests; SNS's own where absent. */
  readonly contentType?: string;
}

/** SNS's default for HTTP: three more attempts, 20 seconds apart. */
const defaultRetry: RetryPolicy = {
  ...{ minDelayTarget: 20, maxDelayTarget: 20, numRetries: 3 },
  ...{ numNoDelayRetries: 0, numMinDelayRetries: 0, numMaxDelayRetries: 0, backoffFunction: "linear" },
};

/** Bounds of each number, as SNS has them. */
const bounds = {
  minDelayTarget: [1, 3_600],
  maxDelayTarget: [1, 3_600],
  numRetries: [0, 100],
  numNoDelayRetries: [0, 100],
  numMinDelayRetries: [0, 100],
  numMaxDelayRetries: [0, 100],
} as const;

/** How far between least and most delay the backoff phase is, for `t` from 0 (its first retry) to 1 (its last). */
const backoffs = {
  linear: (t: number) => t,
  arithmetic: (t: number) => (t * (t + 1)) / 2,
  geometric: (t: number) => t * t,
  exponential: (t: number) => (2 ** (8 * t) - 1) / 255,
} as const;

/**
 * Milliseconds between an attempt and the next: at once, then least delays, then growing ones, then longest ones.
 * @param failures - Attempts so far, 1 after the first.
 * @returns `undefined` when there is no further attempt.
 */
export function retryDelayMs(policy: RetryPolicy, failures: number): number | undefined {
  if (failures > policy.numRetries) return undefined;
  const {
    minDelayTarget: least,
    maxDelayTarget: most,
    numNoDelayRetries,
    numMinDelayRetries,
    numMaxDelayRetries,
  } = policy;
  const growing = policy.numRetries - numNoDelayRetries - numMinDelayRetries - numMaxDelayRetries;
  if (failures <= numNoDelayRetries) return 0;
  const step = failures - numNoDelayRetries - numMinDelayRetries;
  if (step <= 0) return least * 1_000;
  if (step > growing) return most * 1_000;
  const t = growing === 1 ? 0 : (step - 1) / (growing - 1);
  return Math.round((least + (most - least) * backoffs[policy.backoffFunction](t)) * 1_000);
}

/**
 * What holds for a subscription: its own policy, where the topic does not keep it from having one, else the topic's.
 * @param ofTopic - DeliveryPolicy attribute of the topic; `ofSubscription` likewise.
 */
export function effectivePolicy(ofTopic: string | undefined, ofSubscription: string | undefined): DeliveryPolicy {
  const topic = ofTopic === undefined ? {} : readDeliveryPolicy(ofTopic, "topic");
  const own = ofSubscription === undefined || topic.isFinal ? {} : readDeliveryPolicy(ofSubscription, "subscription");
  const contentType = own.contentType ?? topic.contentType;
  return { retry: own.retry ?? topic.retry ?? defaultRetry, ...(contentType !== undefined && { contentType }) };
}

interface GivenPolicy {
  readonly retry?: RetryPolicy;
  readonly contentType?: string;
  /** Subscriptions may not have policies of their own. */
  readonly isFinal?: boolean;
}

/** @throws ServiceError InvalidParameter that says what is wrong with a DeliveryPolicy attribute. */
export function readDeliveryPolicy(text: string, of: "topic" | "subscription"): GivenPolicy {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw invalid("it is not JSON");
  }
  const policy = objectIn(of === "topic" ? objectIn(parsed, "the policy")["http"] : parsed, "the policy");
  const names =
    of === "topic"
      ? ["defaultHealthyRetryPolicy", "defaultThrottlePolicy", "defaultRequestPolicy"]
      : ["healthyRetryPolicy", "throttlePolicy", "requestPolicy"];
  const [retryName = "", throttleName = "", requestName = ""] = names;
  for (const name of Object.keys(policy)) {
    if (names.includes(name) || name === "disableSubscriptionOverrides") continue;
    throw invalid(`unknown member ${name}`);
  }
  if (isGiven(policy[throttleName])) throw invalid(`${throttleName} is not supported by this version`);
  const contentType = isGiven(policy[requestName])
    ? objectIn(policy[requestName], requestName)["headerContentType"]
    : undefined;
  if (
    contentType !== undefined &&
    (typeof contentType !== "string" || !/^[\w.+-]+\/[\w.+-]+(?:; ?charset=[\w-]+)?$/u.test(contentType))
  ) {
    throw invalid(`${requestName}.headerContentType is not a content type`);
  }
  return {
    ...(isGiven(policy[retryName]) && { retry: readRetry(objectIn(policy[retryName], retryName), retryName) }),
    ...(contentType !== undefined && { contentType }),
    isFinal: policy["disableSubscriptionOverrides"] === true,
  };
}

function readRetry(given: Readonly<Record<string, unknown>>, name: string): RetryPolicy {
  const retry: Record<string, unknown> = { ...defaultRetry };
  for (const [member, value] of Object.entries(given)) {
    if (!isGiven(value)) continue;
    if (member === "backoffFunction") {
      if (typeof value !== "string" || !Object.hasOwn(backoffs, value)) {
        throw invalid(`${name}.backoffFunction must be one of ${Object.keys(backoffs).join(", ")}`);
      }
    } else {
      const [least, most] = bounds[member as keyof typeof bounds] ?? [];
      if (least === undefined || most === undefined) throw invalid(`unknown member ${name}.${member}`);
      if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) {
        throw invalid(`${name}.${member} must be a whole number from ${least} to ${most}`);
      }
    }
    retry[member] = value;
  }
  const policy = retry as unknown as RetryPolicy;
  if (policy.minDelayTarget > policy.maxDelayTarget) throw invalid(`${name}.minDelayTarget is above maxDelayTarget`);
  const phases = policy.numNoDelayRetries + policy.numMinDelayRetries + policy.numMaxDelayRetries;
  if (phases > policy.numRetries) throw invalid(`${name}.numRetries is less than the retries of its phases together`);
  return policy;
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function objectIn(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(`${name} must be a JSON object`);
}

function invalid(reason: string): Error {
  return invalidParameter(`Attributes Reason: DeliveryPolicy: ${reason}`);
}
