import type { ScalableDimension, ScalableId } from "../../serving/scaling/scalable-target.ts";
import { invalid } from "./errors.ts";

const variantForm = {
  form: /^endpoint\/[A-Za-z0-9](?:-*[A-Za-z0-9])*\/variant\/[A-Za-z0-9](?:-*[A-Za-z0-9])*$/u,
  words: "endpoint/NAME/variant/NAME",
};

/** How the resource of each dimension is named. */
const forms: { readonly [Dimension in ScalableDimension]: { readonly form: RegExp; readonly words: string } } = {
  "sagemaker:variant:DesiredInstanceCount": variantForm,
  "sagemaker:variant:DesiredProvisionedConcurrency": variantForm,
  "sagemaker:inference-component:DesiredCopyCount": {
    form: /^inference-component\/[A-Za-z0-9](?:-*[A-Za-z0-9])*$/u,
    words: "inference-component/NAME",
  },
};

/** @throws ValidationException for a service whose resources are not here. */
export function checkNamespace(namespace: string): void {
  if (namespace !== "sagemaker") {
    throw invalid(`Unsupported service namespace: ${namespace}. Only sagemaker has scalable resources here.`);
  }
}

/** Reads the three members that name what is scaled. @throws ValidationException that says which is wrong. */
export function scalableId(input: {
  readonly ServiceNamespace: string;
  readonly ResourceId: string;
  readonly ScalableDimension: string;
}): ScalableId {
  checkNamespace(input.ServiceNamespace);
  return checkId(input.ResourceId, input.ScalableDimension);
}

/** @throws ValidationException when the two do not go together. */
export function checkId(resourceId: string, dimension: string): ScalableId {
  const named = Object.hasOwn(forms, dimension) ? forms[dimension as ScalableDimension] : undefined;
  if (named === undefined) {
    throw invalid(`Unsupported service namespace, resource type or scalable dimension: ${dimension}`);
  }
  if (named.form.test(resourceId)) return { resourceId, dimension: dimension as ScalableDimension };
  throw invalid(`Unsupported resource ID: ${resourceId}. Resources of ${dimension} are named ${named.words}.`);
}
