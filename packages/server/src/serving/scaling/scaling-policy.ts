import type {
  StepScalingPolicyConfiguration,
  TargetTrackingScalingPolicyConfiguration,
} from "@aws-sdk/client-application-auto-scaling";
import type { Scope } from "../../scope.ts";
import type { RecordKey, Store, StoredRecord } from "../../store/store.ts";
import { type ScalableId, scalableTargetKey } from "./scalable-target.ts";

/** The value of a `scaling-policy` record. */
export interface ScalingPolicyValue extends ScalableId {
  readonly arn: string;
  readonly policyName: string;
  /** One of the two. */
  readonly step?: StepScalingPolicyConfiguration;
  readonly tracking?: TargetTrackingScalingPolicyConfiguration;
  /** Names of the alarms that target tracking made for itself. */
  readonly alarms?: { readonly high: string; readonly low?: string };
}

/** The key of a policy's record. */
export function scalingPolicyKey(scope: Pick<Scope, "account" | "region">, id: ScalableId, name: string): RecordKey {
  return { ...scalableTargetKey(scope, id), kind: "scaling-policy", name: policyPrefix(id) + name };
}

/** What the names of a target's policies, scheduled actions and activities begin with. Neither part has a space. */
export function policyPrefix({ resourceId, dimension }: ScalableId): string {
  return `${resourceId} ${dimension} `;
}

/** The policy that an alarm's action names; `undefined` when it is not there. */
export async function policyOfArn(
  store: Store,
  { account, region }: Pick<Scope, "account" | "region">,
  arn: string,
): Promise<StoredRecord<ScalingPolicyValue> | undefined> {
  const resourceId = policyArn.exec(arn)?.[1];
  if (resourceId === undefined) return undefined;
  let token: string | undefined;
  do {
    const page = await store.list<ScalingPolicyValue>({
      ...{ kind: "scaling-policy", account, region, prefix: `${resourceId} `, limit: 100 },
      ...(token !== undefined && { token }),
    });
    const found = page.records.find(({ value }) => value.arn === arn);
    if (found !== undefined) return found;
    token = page.next;
  } while (token !== undefined);
  return undefined;
}

const policyArn =
  /^arn:[^:]+:autoscaling:[^:]+:\d{12}:scalingPolicy:[^:]+:resource\/sagemaker\/([^:]+):policyName\/.+$/u;

/** Whether an ARN has the form of a scaling policy's. */
export function isPolicyArn(arn: string): boolean {
  return policyArn.test(arn);
}
