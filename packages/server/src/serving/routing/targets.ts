import type { ServiceError } from "../../errors.ts";
import { containersOf, type Variant } from "../fleet.ts";
import { targetContainerHeader, targetModelHeader } from "../fronts/front-answer.ts";
import { validationError } from "../invoke/model-errors.ts";
import { checkTargetModel } from "../multi-model/model-name.ts";

/** What an instance of a variant consists of, as far as requests name it. Its instances have a front. */
export interface Targets {
  /** Names of its containers. */
  readonly containers: readonly string[];
  /** Whether requests name one of them. */
  readonly isDirect: boolean;
  /** Whether requests name a model: a container of it holds many. */
  readonly isMultiModel: boolean;
}

/** `undefined` for a variant whose instances are one container with one model. */
export function targetsOf(variant: Pick<Variant, "container" | "further" | "execution">): Targets | undefined {
  const containers = containersOf(variant);
  const isMultiModel = containers.some(({ multiModel }) => multiModel !== undefined);
  if (containers.length === 1 && !isMultiModel) return undefined;
  const names = containers.map(({ name = "primary" }) => name);
  return { containers: names, isDirect: variant.execution === "direct", isMultiModel };
}

/** What a request names. */
export interface Named {
  readonly targetContainer?: string | undefined;
  readonly targetModel?: string | undefined;
}

/** @throws ServiceError ValidationError when a request names what the variant does not have, or not what it must. */
export function checkTargets(targets: Targets | undefined, { targetContainer, targetModel }: Named): void {
  if (targets?.isMultiModel === true) {
    if (targetModel !== undefined) checkTargetModel(targetModel);
    // Of containers that are invoked directly, others may hold one model.
    else if (!targets.isDirect) throw validationError("TargetModel must be given for a multi-model endpoint.");
  } else if (targetModel !== undefined) {
    throw validationError("TargetModel is for multi-model endpoints; this endpoint hosts one model.");
  }
  if (targets?.isDirect === true) checkContainer(targets, targetContainer);
  else if (targetContainer !== undefined) {
    throw validationError(
      "TargetContainerHostname is for models whose containers are invoked directly; this endpoint's is not.",
    );
  }
}

function checkContainer({ containers }: Targets, name: string | undefined): void {
  const there = `Its containers are ${containers.join(", ")}.`;
  if (name === undefined) throw missing(there);
  if (!containers.includes(name)) {
    throw validationError(`Container ${name} given as TargetContainerHostname is none of this endpoint's. ${there}`);
  }
}

function missing(there: string): ServiceError {
  return validationError(
    `TargetContainerHostname must be given for an endpoint whose containers are invoked directly. ${there}`,
  );
}

/** What a front is told of what a request names, names and values in turn. */
export function targetHeaders({ targetContainer, targetModel }: Named): string[] {
  return [
    ...(targetContainer === undefined ? [] : [targetContainerHeader, targetContainer]),
    ...(targetModel === undefined ? [] : [targetModelHeader, targetModel]),
  ];
}
