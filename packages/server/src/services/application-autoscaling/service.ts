import type { Service } from "../service.ts";
import type { ScalingOperationTable } from "./operation.ts";
import { registerScalableTarget } from "./scalable-target/register.ts";
import { deregisterScalableTarget, describeScalableTargets } from "./scalable-target/targets.ts";
import { describeScalingActivities } from "./scaling-activity/activity.ts";
import { deleteScalingPolicy, describeScalingPolicies, putScalingPolicy } from "./scaling-policy/policies.ts";
import { deleteScheduledAction, describeScheduledActions, putScheduledAction } from "./scheduled-action/actions.ts";
import { listTagsForResource, tagResource, untagResource } from "./tags.ts";

const scalingOperations = {
  DeleteScalingPolicy: deleteScalingPolicy,
  DeleteScheduledAction: deleteScheduledAction,
  DeregisterScalableTarget: deregisterScalableTarget,
  DescribeScalableTargets: describeScalableTargets,
  DescribeScalingActivities: describeScalingActivities,
  DescribeScalingPolicies: describeScalingPolicies,
  DescribeScheduledActions: describeScheduledActions,
  ListTagsForResource: listTagsForResource,
  PutScalingPolicy: putScalingPolicy,
  PutScheduledAction: putScheduledAction,
  RegisterScalableTarget: registerScalableTarget,
  TagResource: tagResource,
  UntagResource: untagResource,
} satisfies ScalingOperationTable;

/** Application Auto Scaling, for what SageMaker has to scale. */
export const applicationAutoScalingService: Service = {
  name: "application-autoscaling",
  signingNames: ["application-autoscaling"],
  protocol: "aws-json-1.1",
  targetPrefixes: ["AnyScaleFrontendService"],
  operations: scalingOperations,
};
