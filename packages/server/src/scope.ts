/** Where a request acts: every record, ARN and name belongs to one scope. Taken from the credential scope. */
export interface Scope {
  /** `aws`, `aws-cn`, `aws-us-gov`, … derived from the region. */
  readonly partition: string;
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
}

/** Names the partition of a region, which every ARN begins with. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  if (region.startsWith("us-iso-")) return "aws-iso";
  if (region.startsWith("us-isob-")) return "aws-iso-b";
  if (region.startsWith("us-isof-")) return "aws-iso-f";
  return "aws";
}

/** ARN of a SageMaker resource, e.g. `arn(scope, "training-job/a")`. Resource names are lower-cased, as SageMaker's are. */
export function sagemakerArn(scope: Scope, resource: string): string {
  return `arn:${scope.partition}:sagemaker:${scope.region}:${scope.account}:${resource.toLowerCase()}`;
}
