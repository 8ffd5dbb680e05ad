import { join } from "node:path";
import type { Answerer } from "../algorithm.ts";

/** What came of asking for a model to be loaded, as a status of the container API. */
export type LoadOutcome =
  | { readonly status: 200 | 409 }
  /** 507: there is no memory for it. 400: it is no model. */
  | { readonly status: 400 | 507; readonly reason: string };

interface Loaded {
  readonly url: string;
  readonly answerer: Answerer;
}

/** What a table of models works with. */
export interface ModelTableOptions {
  /** Opens the model in a directory. @throws Error saying why it is none. */
  readonly open: (directory: string) => Promise<Answerer>;
  /** What `/opt/ml` is here. */
  readonly root: string;
  /** Whether this process has memory for another model. */
  readonly hasRoom: () => boolean;
  /** Says why a model could not be opened. */
  readonly reasonOf: (error: unknown) => string;
}

/** Models of a page of `GET /models`. */
const pageSize = 100;

/** The models that one server process holds, for multi-model endpoints. */
export class ModelTable {
  readonly #options: ModelTableOptions;
  readonly #models = new Map<string, Loaded>();
  readonly #loading = new Map<string, Promise<LoadOutcome>>();

  constructor(options: ModelTableOptions) {
    this.#options = options;
  }

  /** Loads a model, once however often it is asked for at the same time. */
  load(name: string, url: string): Promise<LoadOutcome> {
    if (this.#models.has(name)) return Promise.resolve({ status: 409 });
    const under = this.#loading.get(name);
    if (under !== undefined) return under;
    const loading = this.#load(name, url).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  /** @returns Whether it was there. */
  unload(name: string): boolean {
    return this.#models.delete(name);
  }

  get(name: string): Answerer | undefined {
    return this.#models.get(name)?.answerer;
  }

  describe(name: string): { modelName: string; modelUrl: string } | undefined {
    const model = this.#models.get(name);
    return model && { modelName: name, modelUrl: model.url };
  }

  /** One page of the models, in the order in which they were loaded. @param token - Of the page before. */
  page(token: string | undefined): { models: object[]; nextPageToken?: string } {
    const from = token === undefined ? 0 : Number(token) || 0;
    const names = [...this.#models.keys()];
    const models = names.slice(from, from + pageSize).flatMap((name) => this.describe(name) ?? []);
    const next = from + pageSize;
    return next < names.length ? { models, nextPageToken: String(next) } : { models };
  }

  async #load(name: string, url: string): Promise<LoadOutcome> {
    const { open, root, hasRoom, reasonOf } = this.#options;
    if (!url.startsWith("/opt/ml/")) return { status: 400, reason: `the url ${url} is not below /opt/ml` };
    if (!hasRoom()) return { status: 507, reason: "there is no memory for another model" };
    try {
      const answerer = await open(join(root, url.slice("/opt/ml/".length)));
      this.#models.set(name, { url, answerer });
      return { status: 200 };
    } catch (error) {
      if (error instanceof RangeError) return { status: 507, reason: error.message };
      return { status: 400, reason: `The model cannot be loaded: ${reasonOf(error)}` };
    }
  }
}
