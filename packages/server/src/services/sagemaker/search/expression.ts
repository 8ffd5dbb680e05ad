import type { Filter, SearchExpression } from "@aws-sdk/client-sagemaker";
import { validationException } from "../../../errors.ts";
import type { ListQuery } from "../../../store/store.ts";
import { type Condition, conditionOf } from "./condition.ts";
import { propertyElements } from "./property.ts";
import type { Searchable } from "./searchable.ts";

/** Conditions of one search, over all levels, and how deep they are nested. */
const maxConditions = 50;
const maxDepth = 10;

/** What the store itself can leave out: records that cannot meet the conditions. */
export type Narrowing = Pick<ListQuery, "prefix" | "nameContains" | "status">;

/** A search expression, ready to be asked of each resource. */
export interface CompiledExpression {
  readonly matches: Condition;
  /** Whether a condition asks for tags, which are records of their own. */
  readonly asksForTags: boolean;
  readonly narrowing: Narrowing;
}

/**
 * Compiles filters, nested filters and sub-expressions, joined by And unless the expression says Or.
 * @throws ValidationException for properties that the resource does not have, and for too many conditions.
 */
export function compileExpression(
  expression: SearchExpression | undefined,
  searchable: Searchable,
): CompiledExpression {
  const compiler = new Compiler(searchable);
  const matches = expression ? compiler.expression(expression, 1) : () => true;
  return {
    matches,
    asksForTags: compiler.names.some((name) => name === "Tags" || name.startsWith("Tags.")),
    narrowing: expression ? narrowingOf(expression, searchable) : {},
  };
}

/** Only what every result must meet narrows. */
function narrowingOf({ Operator, Filters }: SearchExpression, searchable: Searchable): Narrowing {
  if (Operator === "Or") return {};
  const narrowing: { -readonly [Key in keyof Narrowing]: Narrowing[Key] } = {};
  for (const { Name, Operator: operator = "Equals", Value } of Filters ?? []) {
    if (Value === undefined) continue;
    if (Name === searchable.nameProperty && operator === "Equals") narrowing.prefix = Value;
    if (Name === searchable.nameProperty && operator === "Contains") narrowing.nameContains = Value;
    if (Name === searchable.statusProperty && operator === "Equals") narrowing.status = Value;
  }
  return narrowing;
}

class Compiler {
  readonly names: string[] = [];
  readonly #searchable: Searchable;
  #containing = 0;

  constructor(searchable: Searchable) {
    this.#searchable = searchable;
  }

  expression(expression: SearchExpression, depth: number): Condition {
    if (depth > maxDepth) throw validationException(`Search expressions can be nested ${maxDepth} deep at most.`);
    const conditions = [
      ...(expression.Filters ?? []).map((filter) => this.#filter(filter)),
      ...(expression.NestedFilters ?? []).map(({ NestedPropertyName: path = "", Filters = [] }) =>
        this.#nested(path, Filters),
      ),
      ...(expression.SubExpressions ?? []).map((each) => this.expression(each, depth + 1)),
    ];
    if (conditions.length === 0) {
      throw validationException("A search expression needs Filters, NestedFilters or SubExpressions.");
    }
    return expression.Operator === "Or"
      ? (resource) => conditions.some((condition) => condition(resource))
      : (resource) => conditions.every((condition) => condition(resource));
  }

  /** One element of the list must meet all filters. */
  #nested(path: string, filters: readonly Filter[]): Condition {
    const inner = filters.map((filter) => {
      const name = filter.Name ?? "";
      if (!name.startsWith(`${path}.`)) {
        throw validationException(`The nested filter ${name} must begin with its NestedPropertyName, ${path}.`);
      }
      this.#check(name, filter);
      return conditionOf({ ...filter, Name: name.slice(path.length + 1) });
    });
    return (resource) =>
      propertyElements(resource, path).some((element) => inner.every((condition) => condition(element)));
  }

  #filter(filter: Filter): Condition {
    this.#check(filter.Name ?? "", filter);
    return conditionOf(filter);
  }

  #check(name: string, { Operator }: Filter): void {
    this.names.push(name);
    if (this.names.length > maxConditions) {
      throw validationException(`A search can have ${maxConditions} conditions at most.`);
    }
    checkProperty(name, this.#searchable);
    if (Operator === "Contains" && ++this.#containing > 1) {
      throw validationException("'CONTAINS' operator usage limit of 1 exceeded.");
    }
  }
}

/** @throws ValidationException for a property that the resource does not have. */
export function checkProperty(name: string, { properties, resource }: Searchable): void {
  const first = name.split(".")[0] as string;
  if (properties.includes(first)) return;
  throw validationException(`Unknown property name: ${name} is not a property of ${resource}.`);
}
