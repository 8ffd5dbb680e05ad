import type { ScalableDimension } from "../../serving/scaling/scalable-target.ts";
import { variantConcurrency } from "../sagemaker/endpoint/scale-concurrency.ts";
import { variantInstances } from "../sagemaker/endpoint/scale-variant.ts";
import { componentCopies } from "../sagemaker/inference-component/scale-component.ts";
import type { ScalableResource } from "./scalable-resource.ts";

/** What can be scaled, by dimension. */
export const scalableResources: { readonly [Dimension in ScalableDimension]: ScalableResource } = {
  "sagemaker:variant:DesiredInstanceCount": variantInstances,
  "sagemaker:variant:DesiredProvisionedConcurrency": variantConcurrency,
  "sagemaker:inference-component:DesiredCopyCount": componentCopies,
};
