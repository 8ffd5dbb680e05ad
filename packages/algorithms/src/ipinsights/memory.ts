import { CustomerError } from "../job/errors.ts";
import { tableBytes } from "./entity-table.ts";
import type { IpInsightsHyperparameters } from "./hyperparameters.ts";
import { type NetworkShape, networkBytes, strideOf } from "./network.ts";

/** What a kernel can have. */
const mostBytes = 4 * 2 ** 30 - 2 * 2 ** 20;
/** The service's own limit of a model. */
const mostModelBytes = 8 * 2 ** 30;

/** @throws CustomerError when the job will not fit: the kernel's way of saying so is to kill the run. */
export function checkMemory(
  {
    num_entity_vectors: count,
    vector_dim: dimension,
    mini_batch_size,
    num_ip_encoder_layers,
  }: IpInsightsHyperparameters,
  shape: NetworkShape,
  limitBytes = Number.POSITIVE_INFINITY,
): void {
  const mebibytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  if (4 * count * dimension > mostModelBytes) {
    throw new CustomerError(
      `A model of num_entity_vectors=${count} and vector_dim=${dimension} has ${mebibytes(4 * count * dimension)} MiB, more than the ${mebibytes(mostModelBytes)} MiB that a model may have.`,
    );
  }
  const batch = networkBytes(shape);
  if (batch > Math.min(mostBytes, limitBytes)) {
    throw new CustomerError(
      `Out of Memory. A mini-batch of mini_batch_size=${mini_batch_size}, vector_dim=${dimension}, num_ip_encoder_layers=${num_ip_encoder_layers} and the negative sampling rates takes ${mebibytes(batch)} MiB, and there are ${mebibytes(Math.min(mostBytes, limitBytes))} MiB. Please use a smaller mini_batch_size or smaller rates.`,
    );
  }
  const table = tableBytes(count, strideOf(dimension));
  if (batch + table > limitBytes) {
    throw new CustomerError(
      `Out of Memory. Training with num_entity_vectors=${count} and vector_dim=${dimension} takes ${mebibytes(batch + table)} MiB, and this instance has ${mebibytes(limitBytes)} MiB. Please use a larger instance type or smaller values.`,
    );
  }
}
