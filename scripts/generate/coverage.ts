import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { allServices } from "../../packages/server/src/services/index.ts";
import { root } from "../setup.mjs";

interface Coverage {
  readonly name: string;
  readonly title: string;
  readonly real: readonly string[];
  readonly notYet: readonly string[];
}

const titles: Readonly<Record<string, string>> = {
  sagemaker: "SageMaker",
  "sagemaker-runtime": "SageMaker Runtime",
  s3: "S3",
  ecr: "ECR",
  "sagemaker-metrics": "SageMaker Metrics",
  logs: "CloudWatch Logs",
  cloudwatch: "CloudWatch",
  "application-autoscaling": "Application Auto Scaling",
  sns: "SNS",
  sts: "STS",
  iam: "IAM",
};

/** docs/reference/coverage.md: every operation that the SDKs know of our services, and whether it is real. */
export async function coverageReference(): Promise<string> {
  const sections = (await coverage()).map((service) => {
    const rows = [...service.real.map((name) => [name, "real"]), ...service.notYet.map((name) => [name, "not yet"])];
    rows.sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
    return [
      `## ${service.title}`,
      "",
      `${service.real.length} of ${service.real.length + service.notYet.length} operations.`,
      "",
      "| operation | |",
      "|---|---|",
      ...rows.map(([name, state]) => `| ${name} | ${state} |`),
    ].join("\n");
  });
  return [
    "# What works today",
    "",
    "<!-- Generated from the operation tables by `npm run generate`. -->",
    "",
    "An operation is real when it does what the service's does, with its errors; one that is not there yet answers with a",
    "not-implemented error that names it.",
    "",
    sections.join("\n\n"),
    "",
  ].join("\n");
}

/** The table of the README: one line a service. */
export async function coverageSummary(): Promise<string> {
  const rows = (await coverage()).map(
    (service) =>
      `| ${service.title} | ${service.real.length} of ${service.real.length + service.notYet.length} | ${named(service)} |`,
  );
  return ["| service | operations | real today |", "|---|---|---|", ...rows, ""].join("\n");
}

/** Only the tables' names are read here; nothing is invoked and no session is made. */
const notUsed = [{}, () => {}, {}] as unknown as Parameters<typeof allServices>;

async function coverage(): Promise<Coverage[]> {
  const bundles = readdirSync(join(root, "packages", "server", ".build", "schemas"));
  return Promise.all(
    allServices(...notUsed)
      .filter((service) => bundles.includes(`${service.name}.mjs`))
      .map(async (service) => {
        const known = await operationNames(service.name);
        const built = new Set([...Object.keys(service.operations), ...Object.keys(service.streamOperations ?? {})]);
        return {
          name: service.name,
          title: titles[service.name] ?? service.name,
          real: known.filter((name) => built.has(name)),
          notYet: known.filter((name) => !built.has(name)),
        };
      }),
  );
}

async function operationNames(service: string): Promise<string[]> {
  const file = join(root, "packages", "server", ".build", "schemas", `${service}.mjs`);
  const schemas = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  // An operation's schema is [9, namespace, name, traits, input, output]: 9 marks operations in the SDK's schema form.
  const operations = Object.values(schemas).filter((schema) => Array.isArray(schema) && schema[0] === 9);
  return operations.map((schema) => String((schema as unknown[])[2])).sort();
}

/** A long list belongs on the page of its own, below the heading of its service. */
function named({ title, real }: Coverage): string {
  const heading = title.toLowerCase().replaceAll(" ", "-");
  return real.length > 10 ? `[the list](docs/reference/coverage.md#${heading})` : real.join(", ");
}
