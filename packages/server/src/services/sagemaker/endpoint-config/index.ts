import type { OperationTable } from "../operation.ts";
import { createEndpointConfig } from "./create.ts";
import { endpointConfigs } from "./resource.ts";

/** CreateEndpointConfig, DescribeEndpointConfig, ListEndpointConfigs, DeleteEndpointConfig. */
export const endpointConfigOperations = {
  CreateEndpointConfig: createEndpointConfig,
  DescribeEndpointConfig: (input, context) => endpointConfigs.describe(context, input.EndpointConfigName),
  ListEndpointConfigs: async (input, context) => {
    const page = await endpointConfigs.list(input, context);
    return { EndpointConfigs: page.summaries, ...page.next };
  },
  DeleteEndpointConfig: async (input, context) => {
    await endpointConfigs.remove(context, input.EndpointConfigName);
    return {};
  },
} satisfies OperationTable;
