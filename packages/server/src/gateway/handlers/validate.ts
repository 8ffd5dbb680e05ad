import { ServiceError } from "../../errors.ts";
import type { Service } from "../../services/service.ts";
import type { Exchange } from "../exchange.ts";
import { type ConstraintTable, loadTable, tableIfLoaded } from "../validation/constraint-table.ts";
import { validationMessage, violations } from "../validation/violations.ts";

/** Applies the model's constraints to the input and reports all violations at once. No operation repeats them. */
export function validate(exchange: Exchange): void | Promise<void> {
  const { name } = exchange.service as Service;
  const known = tableIfLoaded(name);
  if (known) return check(exchange, known.table);
  return loadTable(name).then((table) => check(exchange, table));
}

/** How each service names the error; the sentence is the same everywhere. */
const codes: Readonly<Record<string, string>> = {
  sagemaker: "ValidationException",
  "application-autoscaling": "ValidationException",
  ecr: "InvalidParameterException",
  logs: "InvalidParameterException",
};

/** A streamed or opaque body is not part of the input. */
const bodies: ReadonlySet<string> = new Set(["Body"]);

function check(exchange: Exchange, table: ConstraintTable | undefined): void {
  if (!table) return;
  const service = exchange.service as Service;
  const operation = exchange.operationName as string;
  const found = violations(table, operation, exchange.input, service.streamOperations?.[operation] && bodies);
  if (found.length === 0) return;
  throw new ServiceError(codes[service.name] ?? "ValidationError", validationMessage(found), { status: 400 });
}
