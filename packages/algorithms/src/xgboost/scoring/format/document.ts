import { ModelFileError } from "../errors.ts";

/** A value of a model file. UBJSON's typed arrays stay typed; JSON's arrays are what JSON.parse makes of them. */
export type Value =
  | string
  | number
  | boolean
  | null
  | NumberArray
  | readonly Value[]
  | { readonly [name: string]: Value };

/** Arrays whose elements UBJSON gives one type. */
export type NumberArray = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Int32Array;

/** Numbers of either kind of file. Elements are checked where they are used. */
export type Numbers = ArrayLike<number>;

/** An object of a model file that is read member by member, with errors that name the member. */
export class Fields {
  readonly #members: ReadonlyMap<string, Value>;
  readonly #path: string;

  /** @param path - Where the object lies: `learner.gradient_booster`. */
  constructor(value: Value | undefined, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) {
      throw new ModelFileError(`${path || "the file"} must be an object, not ${kindOf(value)}`);
    }
    // A map has no inherited members that a file could ask for.
    this.#members = new Map(Object.entries(value));
    this.#path = path;
  }

  has(name: string): boolean {
    return this.#members.has(name);
  }

  /** A member that is an object. */
  object(name: string): Fields {
    return new Fields(this.#members.get(name), this.pathOf(name));
  }

  /** A member that is a list of anything. */
  list(name: string): readonly Value[] {
    const value = this.#members.get(name);
    if (!Array.isArray(value)) throw this.#unlike(name, "a list", value);
    return value as readonly Value[];
  }

  /** A member that is a list of numbers; `true` and `false`, which old files have, count as 1 and 0. */
  numbers(name: string): Numbers {
    const value = this.#members.get(name);
    if (ArrayBuffer.isView(value)) return value as NumberArray;
    if (!Array.isArray(value)) throw this.#unlike(name, "a list of numbers", value);
    const odd = value.findIndex((each) => typeof each !== "number");
    if (odd < 0) return value as number[];
    return value.map((each, i) => {
      if (typeof each === "number") return each;
      if (typeof each === "boolean") return Number(each);
      // How a NaN comes out of the JSON reader.
      if (each === null) return Number.NaN;
      throw new ModelFileError(`${this.pathOf(name)}[${i}] must be a number, not ${kindOf(each as Value)}`);
    });
  }

  text(name: string): string {
    const value = this.#members.get(name);
    if (typeof value !== "string") throw this.#unlike(name, "a text", value);
    return value;
  }

  /** The names and values of a member that is an object of texts; none where it is missing. */
  texts(name: string): ReadonlyMap<string, string> {
    if (!this.has(name)) return new Map();
    const all = [...this.object(name).#members];
    return new Map(all.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
  }

  /**
   * A member that is a whole number, as a number or as the text that XGBoost writes parameters in.
   * @param otherwise - What a file means that does not have it; without it the member must be there.
   */
  whole(name: string, { least = 0, most = 2 ** 31 - 1, otherwise }: WholeOptions = {}): number {
    const value = this.#members.get(name);
    if (value === undefined && otherwise !== undefined) return otherwise;
    const number = typeof value === "string" && /^-?\d+$/.test(value) ? Number(value) : value;
    if (typeof number !== "number" || !Number.isInteger(number) || number < least || number > most) {
      throw this.#unlike(name, `a whole number from ${least} to ${most}`, value);
    }
    return number;
  }

  /** `learner.objective` */
  pathOf(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }

  #unlike(name: string, expected: string, value: Value | undefined): ModelFileError {
    return new ModelFileError(`${this.pathOf(name)} must be ${expected}, not ${kindOf(value)}`);
  }
}

interface WholeOptions {
  readonly least?: number;
  readonly most?: number;
  readonly otherwise?: number;
}

function kindOf(value: Value | undefined): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return "a list";
  return typeof value === "object" ? "an object" : JSON.stringify(value).slice(0, 40);
}
