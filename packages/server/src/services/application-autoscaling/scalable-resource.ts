import type { Scope } from "../../scope.ts";
import type { Store, Write } from "../../store/store.ts";

/** What is scaled, as one look finds it. */
export interface ScalableState {
  /** Tells it from a later one of the same name. */
  readonly incarnation: string;
  readonly desired: number;
  /** What runs and answers. */
  readonly current: number;
  /** Nothing is under way any more. */
  readonly isSettled: boolean;
  /** It changes in other ways at the moment: not to be scaled now. */
  readonly isBusy: boolean;
  /** Why the last change did not work, if so. */
  readonly failure?: string;
  /** Why it cannot be scaled at all, if so. */
  readonly refusal?: string;
  /** What asks for another number. @throws ServiceError when there is no room for so many. */
  readonly change: (desired: number) => Write[];
}

/** One kind of resource that can be scaled. */
export interface ScalableResource {
  /** `instance count`, for sentences. */
  readonly noun: string;
  /** `undefined` when it is not there or is being deleted. */
  read(store: Store, scope: Scope, resourceId: string): Promise<ScalableState | undefined>;
}
