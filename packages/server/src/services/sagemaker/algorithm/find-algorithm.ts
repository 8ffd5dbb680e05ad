import { validationException } from "../../../errors.ts";
import type { StoredRecord } from "../../../store/store.ts";
import type { OperationPlace } from "../../service.ts";
import { findByNameOrArn } from "../find-by-arn.ts";
import { type AlgorithmValue, algorithmStatus } from "./algorithm-record.ts";
import { algorithmNotFound, algorithms } from "./resource.ts";

/** @throws ValidationException for an algorithm whose validation failed or goes on. */
export function checkUsable(algorithm: StoredRecord<AlgorithmValue>): void {
  const now = algorithmStatus(algorithm);
  if (now === "Completed") return;
  throw validationException(
    `Algorithm ${algorithm.value.arn} cannot be used: its status is ${now}, and not Completed.`,
  );
}

/** The algorithm of a name or ARN. @throws ValidationException when there is none. */
export function findAlgorithm(nameOrArn: string, context: OperationPlace): Promise<StoredRecord<AlgorithmValue>> {
  return findByNameOrArn(algorithms, nameOrArn, context, algorithmNotFound);
}
