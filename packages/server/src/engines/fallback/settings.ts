import type { Plan } from "../supervised/plan.ts";

/** The settings of a plan by name. */
export class Settings {
  readonly #values = new Map<string, string[]>();

  constructor(settings: Plan["settings"]) {
    for (const [name, ...values] of settings) this.#values.set(name, [...(this.#values.get(name) ?? []), ...values]);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Every value given under this name, in order. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The value of a setting that must be there. */
  one(name: string): string {
    const value = this.#values.get(name)?.[0];
    if (value === undefined) throw new Error(`The plan of a run lacks ${name}`);
    return value;
  }

  number(name: string): number | undefined {
    return this.has(name) ? Number(this.one(name)) : undefined;
  }
}
