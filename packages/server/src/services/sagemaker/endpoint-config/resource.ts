import { validationException } from "../../../errors.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import type { EndpointConfigValue } from "./endpoint-config-record.ts";

type Summary = NonNullable<Output<"ListEndpointConfigs">["EndpointConfigs"]>[number];
type Description = Output<"DescribeEndpointConfig">;

/** Endpoint configurations: what they look like in lists and descriptions. */
export const endpointConfigs = defineResource<EndpointConfigValue, Summary, Description>({
  kind: "endpoint-config",
  defaultOrder: "Descending",
  notFound: (arn) => validationException(`Could not find endpoint configuration "${arn}".`),
  summarize: ({ name, createdAt, value }) => ({
    EndpointConfigName: name,
    EndpointConfigArn: value.arn,
    CreationTime: new Date(createdAt),
  }),
  describe: ({ createdAt, value }) => ({
    ...value.spec,
    ProductionVariants: value.spec.ProductionVariants.map((variant) => ({ InitialVariantWeight: 1, ...variant })),
    ...(value.spec.ShadowProductionVariants && {
      ShadowProductionVariants: value.spec.ShadowProductionVariants.map((variant) => ({
        InitialVariantWeight: 1,
        ...variant,
      })),
    }),
    EndpointConfigArn: value.arn,
    CreationTime: new Date(createdAt),
    EnableNetworkIsolation: value.spec.EnableNetworkIsolation ?? false,
  }),
});
