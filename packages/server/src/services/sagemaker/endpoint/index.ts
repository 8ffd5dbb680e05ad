import type { OperationTable } from "../operation.ts";
import { createEndpoint } from "./create.ts";
import { deleteEndpoint } from "./delete.ts";
import { endpoints } from "./resource.ts";
import { updateEndpoint } from "./update.ts";
import { updateEndpointWeightsAndCapacities } from "./update-weights-and-capacities.ts";

/** CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, UpdateEndpointWeightsAndCapacities, DeleteEndpoint. */
export const endpointOperations = {
  CreateEndpoint: createEndpoint,
  DescribeEndpoint: (input, context) => endpoints.describe(context, input.EndpointName),
  ListEndpoints: async (input, context) => {
    const page = await endpoints.list(input, context);
    return { Endpoints: page.summaries, ...page.next };
  },
  UpdateEndpoint: updateEndpoint,
  UpdateEndpointWeightsAndCapacities: updateEndpointWeightsAndCapacities,
  DeleteEndpoint: deleteEndpoint,
} satisfies OperationTable;
