import type { Exchange } from "../exchange.ts";

/** Writes one line for each finished request. Reading calls are left out of the log: a waiter polls by the second. */
export function record(exchange: Exchange): void {
  const { response, gateway, operationName } = exchange;
  const failed = response.statusCode >= 400;
  if (!failed && (operationName === undefined || quiet.test(operationName))) return;
  gateway.platform.log.info("request", {
    requestId: exchange.requestId,
    service: exchange.service?.name,
    operation: operationName,
    status: response.statusCode,
    principal: exchange.principal?.arn,
    milliseconds: gateway.platform.clock.now() - exchange.startedAt,
  });
}

const quiet = /^(?:Get|List|Describe|Head|Filter|Invoke|PutObject|UploadPart)/;
