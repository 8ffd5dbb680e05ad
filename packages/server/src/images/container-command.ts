import type { ContainerStart } from "./image.ts";

/**
 * The command of a container, as SageMaker starts it: the image's entry point and the verb; an entry point of the
 * caller's takes the place of both, arguments of the caller's that of the verb.
 * @param entrypoint - The image's ENTRYPOINT; empty for an image without one, whose `train` must be on the PATH.
 */
export function containerCommand(entrypoint: readonly string[], start: ContainerStart): readonly string[] {
  if (start.entrypoint) return [...start.entrypoint, ...(start.arguments ?? [])];
  return [...entrypoint, ...(start.arguments ?? [start.verb])];
}
