import { expect, test } from "vitest";
import { quotaPassed } from "./quotas.ts";

const quotas = [
  { name: "ml.m5.large", limit: 4 },
  { name: "training-jobs", limit: 1 },
  { name: "transform-jobs", limit: 2 },
];
const usage = (jobs: number, instances: number) => ({ jobs, instances: new Map([["ml.m5.large", instances]]) });

test("each kind of jobs is counted by itself", () => {
  expect(quotaPassed(quotas, "transform", usage(1, 2), usage(1, 2))).toBeUndefined();
  expect(quotaPassed(quotas, "transform", usage(1, 3), usage(1, 2))).toMatch(
    /^The account-level service limit 'ml\.m5\.large for transform job usage' is 4 Instances, with current utilization of 3 Instances and a request delta of 2 Instances\./,
  );
  expect(quotaPassed(quotas, "transform", usage(2, 0), usage(1, 1))).toMatch(/'Transform jobs in progress' is 2 Jobs/);
  expect(quotaPassed(quotas, "training", usage(1, 0), usage(1, 1))).toMatch(/'Training jobs in progress' is 1 Jobs/);
});
