import type { Service } from "../../services/service.ts";
import { refuse } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import { verifyPolicy } from "../post-policy.ts";

/** Calls the operation. */
export async function invoke(exchange: Exchange): Promise<void> {
  const service = exchange.service as Service;
  const name = exchange.operationName as string;
  const context = exchange.context();
  const stream = service.streamOperations?.[name];
  if (stream) {
    const { request, response, body, receivedAt } = exchange;
    exchange.output = await stream(exchange.input as never, context, {
      request,
      response,
      body,
      receivedAt,
      verifyPolicy: (policy) => verifyPolicy(exchange, policy),
    });
    return;
  }
  exchange.output = await service.operations[name]?.(exchange.input as never, context);
}

/** Names the operation that has no handler yet, in the protocol's own error form. */
export function assertImplemented(exchange: Exchange): void {
  const service = exchange.service as Service;
  const name = exchange.operationName as string;
  if (Object.hasOwn(service.operations, name)) return;
  if (service.streamOperations && Object.hasOwn(service.streamOperations, name)) return;
  throw refuse(
    exchange.protocol,
    "notImplemented",
    `Sagebrush does not implement the ${service.name} operation ${name} yet.`,
  );
}
