import type { Protocol } from "../../services/service.ts";
import { refuse } from "../errors.ts";
import type { Exchange } from "../exchange.ts";
import type { Codecs, Shape } from "../schemas.ts";

/** Where a structure's members live in an HTTP message, worked out once per shape. */
export interface Bindings {
  readonly bound: readonly Bound[];
  /** The member that is the whole body. */
  readonly payload: { readonly name: string; readonly shape: Shape } | undefined;
  /** A structure of the members that are in no other place; `undefined` when there are none. */
  readonly body: Shape | undefined;
  readonly bodyNames: readonly string[];
  readonly statusMember: string | undefined;
}

interface Bound {
  readonly name: string;
  readonly place: "label" | "query" | "header" | "prefixHeaders" | "queryParams";
  /** Header names are in lower case for reading. */
  readonly wire: string;
  /** As the model spells it, for writing. */
  readonly spelled: string;
  readonly shape: Shape;
  /** Plain text needs no conversion; nearly every binding is. */
  readonly isText: boolean;
}

/** Reads and writes what the REST protocols keep outside the body, with the SDK's own text codecs. */
export class HttpBindings {
  readonly #codecs: Codecs;
  readonly #reader: InstanceType<Codecs["FromStringShapeDeserializer"]>;
  readonly #writer: InstanceType<Codecs["ToStringShapeSerializer"]>;
  readonly #plans = new WeakMap<Shape, Bindings>();

  constructor(codecs: Codecs, defaultTimestamp: 5 | 7) {
    const settings = { timestampFormat: { useTrait: true, default: defaultTimestamp }, httpBindings: true } as const;
    this.#codecs = codecs;
    this.#reader = new codecs.FromStringShapeDeserializer(settings);
    this.#writer = new codecs.ToStringShapeSerializer(settings);
  }

  of(shape: Shape): Bindings {
    let plan = this.#plans.get(shape);
    if (!plan) {
      plan = compile(shape, this.#codecs);
      this.#plans.set(shape, plan);
    }
    return plan;
  }

  /** Members from path, query and headers. */
  read(exchange: Exchange, bindings: Bindings, protocol: Protocol): Record<string, unknown> {
    const input: Record<string, unknown> = {};
    for (const bound of bindings.bound) {
      const value = this.#readOne(exchange, bound, protocol);
      if (value !== undefined) input[bound.name] = value;
    }
    return input;
  }

  #readOne(exchange: Exchange, bound: Bound, protocol: Protocol): unknown {
    switch (bound.place) {
      case "header": {
        const text = exchange.request.headers[bound.wire];
        return text === undefined ? undefined : this.#fromText(bound, String(text), protocol);
      }
      case "label": {
        const text = exchange.labels?.[bound.name];
        return text === undefined ? undefined : this.#fromText(bound, text, protocol);
      }
      case "query":
        return exchange.rawQuery === "" ? undefined : this.#readQuery(exchange, bound, protocol);
      case "prefixHeaders":
        return readPrefixHeaders(exchange, bound.wire);
      case "queryParams":
        return Object.fromEntries(exchange.query);
    }
  }

  #readQuery(exchange: Exchange, bound: Bound, protocol: Protocol): unknown {
    const values = exchange.query.filter(([name]) => name === bound.wire).map(([, value]) => value);
    if (values.length === 0) return undefined;
    if (!bound.shape.isListSchema()) return this.#fromText(bound, values[0] as string, protocol);
    const item = { ...bound, shape: bound.shape.getValueSchema(), isText: false };
    return values.map((value) => this.#fromText(item, value, protocol));
  }

  #fromText(bound: Bound, text: string, protocol: Protocol): unknown {
    if (bound.isText) return text;
    let value: unknown;
    try {
      value = this.#reader.read(bound.shape, text);
    } catch (cause) {
      const error = refuse(
        protocol,
        "badArgument",
        `Provided ${bound.spelled} is not of the form it must have: ${text}`,
      );
      error.cause = cause;
      throw error;
    }
    const wrong = Number.isNaN(value) || (bound.shape.isBooleanSchema() && !/^(?:true|false)$/i.test(text));
    if (!wrong) return value;
    const kind = bound.shape.isBooleanSchema() ? "a boolean" : "an integer or within integer range";
    throw refuse(protocol, "badArgument", `Provided ${bound.spelled} not ${kind}`, {
      ArgumentName: bound.spelled,
      ArgumentValue: text,
    });
  }

  /** Sets the response's headers. @returns The HTTP status that the output itself asks for. */
  write(exchange: Exchange, bindings: Bindings, output: Record<string, unknown>): number | undefined {
    for (const { name, place, spelled, shape } of bindings.bound) {
      const value = output[name];
      if (value === undefined || value === null) continue;
      if (place === "header") {
        exchange.response.setHeader(spelled, headerText(this.#toText(shape, value)));
      } else if (place === "prefixHeaders") {
        for (const [key, text] of Object.entries(value as Record<string, string>)) {
          exchange.response.setHeader(spelled + key, headerText(text));
        }
      }
    }
    const status = bindings.statusMember === undefined ? undefined : output[bindings.statusMember];
    return typeof status === "number" ? status : undefined;
  }

  #toText(shape: Shape, value: unknown): string {
    this.#writer.write(shape, value);
    return this.#writer.flush();
  }
}

/** A header cannot carry line breaks, and Node refuses characters beyond Latin-1: those go as UTF-8 bytes. */
function headerText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what must not pass
  const line = text.replaceAll(/[\x00-\x08\x0a-\x1f\x7f]/g, " ");
  // oxlint-disable-next-line no-control-regex -- all of Latin-1 is meant
  return /[^\x00-\xff]/.test(line) ? Buffer.from(line, "utf8").toString("latin1") : line;
}

function readPrefixHeaders(exchange: Exchange, prefix: string): Record<string, string> | undefined {
  let found: Record<string, string> | undefined;
  for (const name in exchange.request.headers) {
    if (!name.startsWith(prefix)) continue;
    found ??= {};
    found[name.slice(prefix.length)] = String(exchange.request.headers[name]);
  }
  return found;
}

function compile(shape: Shape, { NormalizedSchema }: Codecs): Bindings {
  const bound: Bound[] = [];
  const bodyNames: string[] = [];
  const bodyShapes: Shape[] = [];
  let payload: Bindings["payload"];
  let statusMember: string | undefined;
  if (!shape.isStructSchema()) return { bound, payload, body: undefined, bodyNames, statusMember };
  for (const [name, member] of shape.structIterator()) {
    const traits = member.getMergedTraits();
    const isText = member.isStringSchema() && !traits.mediaType;
    const add = (place: Bound["place"], spelled: string): void => {
      const wire = place === "header" || place === "prefixHeaders" ? spelled.toLowerCase() : spelled;
      bound.push({ name, place, wire, spelled, shape: member, isText });
    };
    if (traits.httpLabel) add("label", name);
    else if (traits.httpQuery) add("query", traits.httpQuery);
    else if (traits.httpHeader) add("header", traits.httpHeader);
    else if (typeof traits.httpPrefixHeaders === "string") add("prefixHeaders", traits.httpPrefixHeaders);
    else if (traits.httpQueryParams) add("queryParams", name);
    else if (traits.httpResponseCode) statusMember = name;
    else if (traits.httpPayload) payload = { name, shape: member };
    else {
      bodyNames.push(name);
      bodyShapes.push(member);
    }
  }
  const source = shape.getSchema() as unknown as readonly unknown[];
  // A structure schema of the same name with only the body's members: kind, namespace, name, traits, names, members.
  const body = [3, source[1], source[2], source[3], bodyNames, bodyShapes];
  return {
    bound,
    payload,
    body: bodyNames.length > 0 ? NormalizedSchema.of(body as never) : undefined,
    bodyNames,
    statusMember,
  };
}
