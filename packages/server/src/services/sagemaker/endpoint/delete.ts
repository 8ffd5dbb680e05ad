import { WriteConflict } from "../../../store/store.ts";
import { checkNoComponents } from "../inference-component/hosting.ts";
import type { Operation } from "../operation.ts";
import { endpoints } from "./resource.ts";

/**
 * Asks for an endpoint to go, whatever it is doing. It answers no request from then on; the record goes when the last
 * instance has ended. Deleting it again meanwhile changes nothing.
 */
export const deleteEndpoint: Operation<"DeleteEndpoint"> = async (input, context) => {
  const record = await endpoints.get(context, input.EndpointName);
  if (record.status === "Deleting") return {};
  await checkNoComponents(context, input.EndpointName);
  const key = endpoints.key(context.scope, input.EndpointName);
  try {
    await context.platform.store.write([
      { op: "update", key, version: record.version, value: record.value, status: "Deleting" },
    ]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
    return await deleteEndpoint(input, context);
  }
  return {};
};
