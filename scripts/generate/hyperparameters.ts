import { algorithmDefinitions } from "../../packages/algorithms/src/definitions.ts";
import type { Hyperparameter } from "../../packages/algorithms/src/job/hyperparameters.ts";

type Rule = Hyperparameter["rules"][number];

/** docs/reference/ALGORITHM.md: hyperparameters, channels and metrics, from the algorithm's definition. */
export async function hyperparameterReference(name: string): Promise<string> {
  const definition = algorithmDefinitions.find((candidate) => candidate.name === name);
  if (!definition) throw new Error(`There is no algorithm called ${name}.`);
  const rows = Object.entries(definition.hyperparameters).map(([key, parameter]) => row(key, parameter));
  const channels = definition.channels.map(
    (channel) => `| ${channel.name} | ${channel.required ? "yes" : "no"} | ${channel.contentTypes.join(", ")} |`,
  );
  const metrics = definition.metrics.map((metric) => `| ${metric.name} | \`${metric.regex.replaceAll("|", "\\|")}\` |`);
  return [
    `# ${definition.name}`,
    "",
    "<!-- Generated from the algorithm's definition by `npm run generate`. -->",
    "",
    "## Hyperparameters",
    "",
    "| name | valid | default | what it does |",
    "|---|---|---|---|",
    ...rows,
    "",
    "## Channels",
    "",
    "| channel | required | content types |",
    "|---|---|---|",
    ...channels,
    "",
    "## Metrics",
    "",
    "| metric | read from the log by |",
    "|---|---|",
    ...metrics,
    "",
  ].join("\n");
}

function row(name: string, parameter: Hyperparameter): string {
  const fallback = parameter.required
    ? "required"
    : parameter.default === undefined
      ? (parameter.libraryDefault ?? "")
      : JSON.stringify(parameter.default).replaceAll('"', "");
  return `| ${name} | ${parameter.rules.map(valid).join(" or ")} | ${fallback} | ${parameter.doc} |`;
}

function valid(rule: Rule): string {
  switch (rule.type) {
    case "integer":
      return `integer${range(rule)}`;
    case "number":
      return `number${range(rule)}`;
    case "boolean":
      return "true, false";
    case "words":
      return rule.words.join(", ");
    case "list":
      return `JSON list of ${rule.words.join(", ")}`;
    case "text":
      return "text";
  }
}

function range(rule: { min?: number; max?: number; above?: number; below?: number }): string {
  const low = rule.above === undefined ? (rule.min === undefined ? "" : ` >= ${rule.min}`) : ` > ${rule.above}`;
  const high = rule.below === undefined ? (rule.max === undefined ? "" : ` <= ${rule.max}`) : ` < ${rule.below}`;
  return [low, high].filter(Boolean).join(" and");
}
