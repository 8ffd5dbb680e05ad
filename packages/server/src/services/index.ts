import type { NetworkPolicy } from "../network-policy.ts";
import type { Serving } from "../serving/open-serving.ts";
import { applicationAutoScalingService } from "./application-autoscaling/service.ts";
import { cloudWatchService } from "./cloudwatch/service.ts";
import type { EcrParts } from "./ecr/operation.ts";
import { ecrService } from "./ecr/service.ts";
import { iamService } from "./iam/service.ts";
import { logsService } from "./logs/service.ts";
import { s3Service } from "./s3/index.ts";
import { sagemakerService } from "./sagemaker/index.ts";
import { sagemakerMetricsService } from "./sagemaker-metrics/service.ts";
import { sagemakerRuntimeService } from "./sagemaker-runtime/service.ts";
import type { Service } from "./service.ts";
import { snsService } from "./sns/service.ts";
import { stsService } from "./sts/service.ts";
import type { CreateSession } from "./sts/session.ts";

/** Every service that the gateway answers for. Adding one is adding its line. */
export function allServices(
  serving: Pick<Serving, "invoker" | "asynchronous" | "routes">,
  createSession: CreateSession,
  images: EcrParts,
  subscribers: NetworkPolicy,
): Service[] {
  const sts = stsService(createSession);
  const ecr = ecrService(images);
  return [
    sagemakerService,
    sagemakerRuntimeService(serving),
    sagemakerMetricsService,
    s3Service,
    ecr,
    logsService,
    cloudWatchService,
    applicationAutoScalingService,
    snsService(subscribers),
    sts,
    iamService,
  ];
}
