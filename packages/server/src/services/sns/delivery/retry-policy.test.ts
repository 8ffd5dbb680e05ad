import { expect, test } from "vitest";
import { effectivePolicy, readDeliveryPolicy, retryDelayMs } from "./retry-policy.ts";

/** All delays of a policy, in seconds. */
function delays(healthyRetryPolicy: object): number[] {
  const { retry } = effectivePolicy(undefined, JSON.stringify({ healthyRetryPolicy }));
  const all: number[] = [];
  for (let failures = 1; ; failures++) {
    const delay = retryDelayMs(retry, failures);
    if (delay === undefined) return all;
    all.push(delay / 1_000);
  }
}

test.for<[string, object, number[]]>([
  ["SNS's default", {}, [20, 20, 20]],
  ["no retries", { numRetries: 0 }, []],
  ["linear", { minDelayTarget: 1, maxDelayTarget: 5, numRetries: 5 }, [1, 2, 3, 4, 5]],
  [
    "all phases",
    {
      ...{ minDelayTarget: 2, maxDelayTarget: 10, numRetries: 7 },
      ...{ numNoDelayRetries: 2, numMinDelayRetries: 1, numMaxDelayRetries: 1 },
    },
    [0, 0, 2, 2, 6, 10, 10],
  ],
  ["one that grows", { minDelayTarget: 3, maxDelayTarget: 9, numRetries: 1 }, [3]],
  ["geometric", { minDelayTarget: 1, maxDelayTarget: 5, numRetries: 3, backoffFunction: "geometric" }, [1, 2, 5]],
])("%s", ([, policy, wanted]) => expect(delays(policy)).toEqual(wanted));

test.for(["linear", "arithmetic", "geometric", "exponential"])("%s grows from least to most", (backoffFunction) => {
  const all = delays({ minDelayTarget: 1, maxDelayTarget: 100, numRetries: 10, backoffFunction });
  expect(all[0]).toBe(1);
  expect(all.at(-1)).toBe(100);
  expect(all.every((delay, i) => i === 0 || delay > (all[i - 1] as number))).toBe(true);
});

test("a topic's policy holds where the subscription has none, or may not have one", () => {
  const topic = (more: object) => JSON.stringify({ http: { defaultHealthyRetryPolicy: { numRetries: 5 }, ...more } });
  const own = JSON.stringify({ healthyRetryPolicy: { numRetries: 1 }, requestPolicy: { headerContentType: "a/b" } });
  expect(effectivePolicy(topic({}), undefined).retry.numRetries).toBe(5);
  expect(effectivePolicy(topic({}), own)).toMatchObject({ retry: { numRetries: 1 }, contentType: "a/b" });
  expect(effectivePolicy(topic({ disableSubscriptionOverrides: true }), own).retry.numRetries).toBe(5);
});

test.for<[string, unknown, RegExp]>([
  ["a list", [], /must be a JSON object/u],
  ["an unknown member", { retry: {} }, /unknown member retry/u],
  ["too many", { healthyRetryPolicy: { numRetries: 101 } }, /numRetries must be a whole number from 0 to 100/u],
  ["upside down", { healthyRetryPolicy: { minDelayTarget: 30 } }, /minDelayTarget is above/u],
  ["phases without room", { healthyRetryPolicy: { numNoDelayRetries: 4 } }, /less than the retries of its phases/u],
  ["an unknown function", { healthyRetryPolicy: { backoffFunction: "random" } }, /must be one of linear/u],
  ["a throttle", { throttlePolicy: { maxReceivesPerSecond: 1 } }, /throttlePolicy is not supported/u],
  ["a header that breaks out", { requestPolicy: { headerContentType: "a/b\r\nx: y" } }, /not a content type/u],
])("refuses %s", ([, policy, message]) =>
  expect(() => readDeliveryPolicy(JSON.stringify(policy), "subscription")).toThrow(message),
);
