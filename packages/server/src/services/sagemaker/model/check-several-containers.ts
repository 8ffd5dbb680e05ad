import { validationException } from "../../../errors.ts";
import type { ContainerDefinition } from "./model-record.ts";

type Container = Pick<ContainerDefinition, "ContainerHostname" | "Mode" | "Environment">;

/** Largest number of containers of one model. */
const mostContainers = 15;
/** Largest environment of all containers of a model together, in bytes of keys and values. */
const maxEnvironmentBytes = 32 * 1024;

/**
 * What the containers of one model must keep to together.
 * @param mode - Of its InferenceExecutionConfig.
 * @throws ValidationException naming the container.
 */
export function checkSeveralContainers(containers: readonly Container[], mode: string): void {
  checkEnvironments(containers);
  if (containers.length > mostContainers) {
    throw validationException(
      `A model can have at most ${mostContainers} containers; this one has ${containers.length}.`,
    );
  }
  if (containers.length === 1) {
    if (mode === "Direct") {
      throw validationException(
        "InferenceExecutionConfig.Mode Direct needs a model of 2 to 15 containers; this one has 1.",
      );
    }
    return;
  }
  checkHostnames(containers, mode);
  const multiModel = containers.filter(({ Mode }) => Mode === "MultiModel");
  if (multiModel.length > 1) {
    throw validationException(
      `At most one container of a model can have Mode MultiModel; this one has ${multiModel.length}.`,
    );
  }
}

/** Names are given to all or to none, and to all where requests name one. */
function checkHostnames(containers: readonly Container[], mode: string): void {
  const names = containers.flatMap(({ ContainerHostname }) => ContainerHostname ?? []);
  if (names.length < containers.length && (names.length > 0 || mode === "Direct")) {
    const without = containers.findIndex(({ ContainerHostname }) => ContainerHostname === undefined) + 1;
    const rule =
      mode === "Direct"
        ? "With InferenceExecutionConfig.Mode Direct every container needs a ContainerHostname"
        : "ContainerHostname must be given for all containers or for none";
    throw validationException(`${rule}; container ${without} has none.`);
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw validationException(`ContainerHostname "${twice}" is given to two containers; names must differ.`);
}

function checkEnvironments(containers: readonly Container[]): void {
  const variables = containers.flatMap(({ Environment = {} }) => Object.entries(Environment));
  const bytes = variables.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value), 0);
  if (bytes <= maxEnvironmentBytes) return;
  throw validationException(
    `The environment of the model's containers has ${bytes} bytes; the limit is ${maxEnvironmentBytes}.`,
  );
}
