import type { Hyperparameter, Wording } from "../job/hyperparameters.ts";

type Rule = Hyperparameter["rules"][number];

/** Messages in the words of SageMaker's own container. */
export const wording: Wording = {
  unknown: (names) => names.map((name) => `Extraneous hyperparameter found: ${name}`).join("; "),
  missing: (name) => `Missing required hyperparameter: ${name}`,
  invalid: (name, value, { rules }) => {
    const isNumeric = rules.every(({ type }) => type === "integer" || type === "number");
    const form = rules.some(({ type }) => type === "integer")
      ? /^\s*[+-]?\d+\s*$/
      : /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
    if (isNumeric && !form.test(value)) {
      return `Hyperparameter ${name}: could not parse value (caused by ValueError): expected ${rules[0]?.type === "integer" ? "a whole number" : "a number"} in ${range(rules)}, got '${value}'`;
    }
    return `Hyperparameter ${name}: ${value} is not in ${range(rules)}`;
  },
  message: (faults) => faults.join("; "),
  missingChannel: (name) => `Missing required channel: ${name}`,
  unknownChannel: (name) => `Extraneous channel found: ${name}`,
};

/** `[0, 1]`, `(0, +inf)`, or the words that are valid. */
function range(rules: readonly Rule[]): string {
  return rules.map(rangeOf).join(" or ");
}

function rangeOf(rule: Rule): string {
  switch (rule.type) {
    case "integer":
      return interval(rule.min, rule.max);
    case "number":
      return interval(rule.min, rule.max, rule.above, rule.below);
    case "words":
      return `[${rule.words.map((word) => `'${word}'`).join(", ")}]`;
    case "list":
      return `[${rule.words.join(", ")}]`;
    case "boolean":
      return "['true', 'false']";
    case "text":
      return "text";
  }
}

function interval(min?: number, max?: number, above?: number, below?: number): string {
  const begin = min !== undefined ? `[${min}` : above !== undefined ? `(${above}` : "(-inf";
  const end = max !== undefined ? `${max}]` : below !== undefined ? `${below})` : "+inf)";
  return `${begin}, ${end}`;
}
