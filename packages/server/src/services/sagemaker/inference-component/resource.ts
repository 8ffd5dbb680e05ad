import { validationException } from "../../../errors.ts";
import type { ComponentValue } from "../../../serving/components/component.ts";
import type { ComponentSpecification } from "../../../serving/components/needs.ts";
import { fleetOf } from "../../../serving/fleet.ts";
import type { StoredRecord } from "../../../store/store.ts";
import { defineResource } from "../define-resource.ts";
import type { Output } from "../operation.ts";
import { desiredCopies } from "./hosting.ts";

type Summary = NonNullable<Output<"ListInferenceComponents">["InferenceComponents"]>[number];
type Description = Output<"DescribeInferenceComponent">;
type Specification = NonNullable<Description["Specification"]>;

/** Inference components: what they look like in lists and descriptions. */
export const components = defineResource<ComponentValue, Summary, Description>({
  kind: "inference-component",
  defaultOrder: "Descending",
  notFound: (arn) => validationException(`Could not find inference component "${arn}".`),
  summarize: (record) => ({
    ...common(record),
    VariantName: record.value.hostVariant,
  }),
  describe: (record) => {
    const { value } = record;
    const { component: origin, variants } = fleetOf(value, "active") ?? fleetOf(value, "incoming") ?? {};
    const variant = variants?.[0];
    return {
      ...common(record),
      VariantName: value.hostVariant,
      ...(value.failureReason !== undefined && { FailureReason: value.failureReason }),
      ...(origin !== undefined && { Specification: specificationOf(origin.specification) }),
      RuntimeConfig: {
        DesiredCopyCount: desiredCopies(value),
        CurrentCopyCount: variant?.instances.filter(({ phase }) => phase === "ready").length ?? 0,
      },
      ...(value.lastDeploymentConfig !== undefined && {
        LastDeploymentConfig: value.lastDeploymentConfig as NonNullable<Description["LastDeploymentConfig"]>,
      }),
    };
  },
});

function common(record: StoredRecord<ComponentValue>) {
  const { name, value, status } = record;
  return {
    InferenceComponentName: name,
    InferenceComponentArn: value.arn,
    EndpointName: value.endpoint,
    EndpointArn: value.endpointArn,
    // A component that rolls back is being updated.
    InferenceComponentStatus: (status === "RollingBack" ? "Updating" : status) as NonNullable<
      Description["InferenceComponentStatus"]
    >,
    CreationTime: new Date(record.createdAt),
    LastModifiedTime: new Date(record.modifiedAt),
  };
}

function specificationOf({ Container: container, ...kept }: ComponentSpecification): Specification {
  const given = container as { Image?: string; ArtifactUrl?: string; Environment?: Record<string, string> } | undefined;
  return {
    ...(kept as Omit<Specification, "Container">),
    ...(given !== undefined && {
      Container: {
        ...(given.Image !== undefined && {
          DeployedImage: { SpecifiedImage: given.Image, ResolvedImage: given.Image },
        }),
        ...(given.ArtifactUrl !== undefined && { ArtifactUrl: given.ArtifactUrl }),
        ...(given.Environment !== undefined && { Environment: given.Environment }),
      },
    }),
  };
}
