import { validationException } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import type { ModelValue } from "./model-record.ts";

type Summary = NonNullable<Output<"ListModels">["Models"]>[number];
type Description = Output<"DescribeModel">;

/** Models: what they look like in lists and descriptions. */
export const models = defineResource<ModelValue, Summary, Description>({
  kind: "model",
  defaultOrder: "Descending",
  notFound: (arn) => validationException(`Could not find model "${arn}".`),
  summarize: ({ name, createdAt, value }) => ({
    ModelName: name,
    ModelArn: value.arn,
    CreationTime: new Date(createdAt),
  }),
  describe: ({ createdAt, value }) => ({
    ...value.spec,
    ModelArn: value.arn,
    CreationTime: new Date(createdAt),
    EnableNetworkIsolation: value.spec.EnableNetworkIsolation ?? false,
  }),
});
