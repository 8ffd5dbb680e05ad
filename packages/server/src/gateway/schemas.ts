import type { NormalizedSchema as NormalizedSchemaClass } from "@smithy/core/schema";
import type { Schema } from "@smithy/types";

/** The SDK's codecs, bundled at set-up (`scripts/setup/schemas.mjs`). */
export interface Codecs {
  readonly JsonCodec2: typeof import("@smithy/core/protocols").JsonCodec2;
  readonly FromStringShapeDeserializer: typeof import("@smithy/core/protocols").FromStringShapeDeserializer;
  readonly ToStringShapeSerializer: typeof import("@smithy/core/protocols").ToStringShapeSerializer;
  readonly XmlCodec: typeof import("@aws-sdk/core/protocols").XmlCodec;
  readonly CborCodec: typeof import("@smithy/core/cbor").CborCodec;
  readonly NormalizedSchema: typeof NormalizedSchemaClass;
}

/** A shape with its traits, as the SDK's codecs see it. */
export type Shape = NormalizedSchemaClass;

/** One operation of a service's model. */
export interface OperationSchema {
  readonly name: string;
  readonly input: Schema;
  readonly output: Schema;
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  /** Method, path template with its static query, and success status, of the REST protocols. */
  readonly http?: readonly [method: string, path: string, status: number];
}

/** What the SDK knows of one service. */
export interface ServiceSchema {
  readonly namespace: string;
  readonly operations: ReadonlyMap<string, OperationSchema>;
  /** Modelled errors by shape name. */
  readonly errors: ReadonlyMap<string, Shape>;
}

const folder = new URL("../../.build/schemas/", import.meta.url);
let codecs: Promise<Codecs> | undefined;
const services = new Map<string, Promise<ServiceSchema>>();
const loaded = new Map<string, ServiceSchema>();

/** Loads the codecs once. */
export function loadCodecs(): Promise<Codecs> {
  codecs ??= import(new URL("codecs.mjs", folder).href) as Promise<Codecs>;
  return codecs;
}

/** Loads one service's schemas, on its first request: SageMaker's take 50 ms and 10 MB. */
export function loadService(name: string): Promise<ServiceSchema> {
  let loading = services.get(name);
  if (!loading) {
    loading = readService(name);
    services.set(name, loading);
    // A failure (set-up did not run) must not stick.
    loading.then(
      (schema) => loaded.set(name, schema),
      () => services.delete(name),
    );
  }
  return loading;
}

/** The same without waiting, once it was loaded. */
export function serviceIfLoaded(name: string): ServiceSchema | undefined {
  return loaded.get(name);
}

/** Schemas are arrays that begin with their kind; these are the kinds a module exports. */
const operationKind = 9;
const errorKind = -3;

async function readService(name: string): Promise<ServiceSchema> {
  const { NormalizedSchema } = await loadCodecs();
  const module = (await import(new URL(`${name}.mjs`, folder).href)) as Record<string, unknown>;
  const operations = new Map<string, OperationSchema>();
  const errors = new Map<string, Shape>();
  let namespace = "";
  for (const schema of Object.values(module)) {
    if (!Array.isArray(schema)) continue;
    if (schema[0] === errorKind) errors.set(schema[2], NormalizedSchema.of(schema as never));
    if (schema[0] !== operationKind) continue;
    namespace = schema[1];
    operations.set(schema[2], readOperation(schema as unknown as OperationTuple, NormalizedSchema));
  }
  return { namespace, operations, errors };
}

type OperationTuple = readonly [
  kind: number,
  namespace: string,
  name: string,
  traits: number | { readonly http?: OperationSchema["http"] },
  input: () => Schema,
  output: () => Schema,
];

function readOperation(schema: OperationTuple, NormalizedSchema: Codecs["NormalizedSchema"]): OperationSchema {
  const [, , name, traits, input, output] = schema;
  const http = typeof traits === "object" ? traits.http : undefined;
  return {
    name,
    input: input(),
    output: output(),
    // Resolved on first use: SageMaker has 400 operations, and a server meets a dozen.
    get inputShape() {
      return NormalizedSchema.of(input());
    },
    get outputShape() {
      return NormalizedSchema.of(output());
    },
    ...(http && { http }),
  };
}
