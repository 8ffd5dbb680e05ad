/** A model that a container has in memory. */
export interface LoadedModel {
  readonly name: string;
  readonly target: string;
  readonly sizeBytes: number;
  /** Requests under way: it stays while there are any. */
  uses: number;
}

/** What a container has in memory, in the order of use. A plain account: who loads and unloads is somebody else. */
export class LoadedModels {
  /** By target, the longest unused first. */
  readonly #models = new Map<string, LoadedModel>();
  #sizeBytes = 0;

  get count(): number {
    return this.#models.size;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** The model, if it is loaded; it is the one used last from now on. */
  use(target: string): LoadedModel | undefined {
    const model = this.#models.get(target);
    if (model === undefined) return undefined;
    this.#models.delete(target);
    this.#models.set(target, model);
    return model;
  }

  add(model: Omit<LoadedModel, "uses">): LoadedModel {
    this.drop(model.target);
    const added = { ...model, uses: 0 };
    this.#models.set(model.target, added);
    this.#sizeBytes += model.sizeBytes;
    return added;
  }

  drop(target: string): void {
    const model = this.#models.get(target);
    if (model === undefined) return;
    this.#models.delete(target);
    this.#sizeBytes -= model.sizeBytes;
  }

  /** The model that was not used for the longest time, among those that no request is using. */
  leastRecent(): LoadedModel | undefined {
    for (const model of this.#models.values()) if (model.uses === 0) return model;
    return undefined;
  }

  /** Whether a model is loaded, by the name that the container knows it by. */
  has(name: string): boolean {
    for (const model of this.#models.values()) if (model.name === name) return true;
    return false;
  }
}
