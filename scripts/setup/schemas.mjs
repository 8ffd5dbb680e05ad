// The wire's description: each service's schemas out of the published SDK clients, and the SDK's codecs that walk them,
// bundled so that Node loads them in milliseconds. (The clients' schema modules import without extensions, which Node
// does not resolve, and importing a whole client costs a quarter of a second.)
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";

export const name = "schemas";

/** Our service's name, and the SDK client that describes it. */
const clients = {
  sagemaker: "client-sagemaker",
  "sagemaker-runtime": "client-sagemaker-runtime",
  s3: "client-s3",
  sts: "client-sts",
  iam: "client-iam",
  logs: "client-cloudwatch-logs",
  ecr: "client-ecr",
  cloudwatch: "client-cloudwatch",
  "application-autoscaling": "client-application-auto-scaling",
  sns: "client-sns",
};

/** Services that no published client describes: schemas of our own, in the clients' form. */
const own = { "sagemaker-metrics": "packages/server/src/gateway/models/sagemaker-metrics.js" };

const entries = {
  ...Object.fromEntries(
    Object.entries(clients).map(([service, client]) => [
      service,
      `node_modules/@aws-sdk/${client}/dist-es/schemas/schemas_0.js`,
    ]),
  ),
  ...own,
};

const folder = "packages/server/.build/schemas";

export const inputs = [
  "scripts/setup/schemas.mjs",
  "node_modules/@smithy/core/package.json",
  "node_modules/@aws-sdk/core/package.json",
  "node_modules/@aws-sdk/xml-builder/package.json",
  ...Object.values(clients).map((client) => `node_modules/@aws-sdk/${client}/package.json`),
  ...Object.values(own),
];

export const outputs = [`${folder}/codecs.mjs`, ...Object.keys(entries).map((service) => `${folder}/${service}.mjs`)];

export async function run(root) {
  const { build } = await import("esbuild");
  rmSync(join(root, folder), { recursive: true, force: true });
  mkdirSync(join(root, folder), { recursive: true });
  const common = {
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node24",
    logLevel: "error",
    minifySyntax: true,
  };
  await build({
    ...common,
    stdin: { contents: codecs, resolveDir: root },
    mainFields: ["module", "main"],
    conditions: ["module"],
    outfile: join(root, folder, "codecs.mjs"),
  });
  for (const [service, entry] of Object.entries(entries)) {
    await build({
      ...common,
      entryPoints: [join(root, entry)],
      plugins: [schemasOnly],
      outfile: join(root, folder, `${service}.mjs`),
    });
  }
}

/** What the gateway uses of the SDK at run time. */
const codecs = `
export { FromStringShapeDeserializer, JsonCodec2, ToStringShapeSerializer } from "@smithy/core/protocols";
export { NormalizedSchema } from "@smithy/core/schema";
export { CborCodec } from "@smithy/core/cbor";
export { XmlCodec } from "@aws-sdk/core/protocols";
`;

/** The client's error classes and the registry that builds them are of no use to a server: schemas are data. */
const schemasOnly = {
  name: "schemas-only",
  setup(build) {
    build.onResolve({ filter: /^@smithy\/core\/schema$|\.\.\/models\// }, ({ path }) => ({ path, namespace: "stub" }));
    build.onLoad({ filter: /.*/, namespace: "stub" }, ({ path }) => ({
      contents: path.startsWith("@smithy")
        ? "export class TypeRegistry { registerError() {} static for() { return new TypeRegistry(); } }"
        : "module.exports = new Proxy({}, { get: () => class {} });",
      loader: "js",
    }));
  },
};
