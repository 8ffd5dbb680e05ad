import { refuse } from "../errors.ts";
import type { Codecs, Shape } from "../schemas.ts";
import type { Query } from "../sigv4/encode.ts";

/** A form's parameters as a tree: `Tags.member.1.Key=a` is `Tags > member > 1 > Key`. */
interface Node {
  value?: string;
  readonly children: Map<string, Node>;
}

/**
 * Reads the query protocol's parameters into the model's types.
 * @see https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */
export class QueryReader {
  readonly #scalars: InstanceType<Codecs["FromStringShapeDeserializer"]>;

  constructor({ FromStringShapeDeserializer }: Codecs) {
    this.#scalars = new FromStringShapeDeserializer({
      timestampFormat: { useTrait: true, default: 5 },
      httpBindings: false,
    });
  }

  read(shape: Shape, form: Query): unknown {
    const root: Node = { children: new Map() };
    for (const [name, value] of form) {
      let node = root;
      for (const part of name.split(".")) {
        let child = node.children.get(part);
        if (!child) node.children.set(part, (child = { children: new Map() }));
        node = child;
      }
      node.value = value;
    }
    return this.#structure(shape, root);
  }

  #structure(shape: Shape, node: Node): Record<string, unknown> {
    const output: Record<string, unknown> = {};
    for (const [name, member] of shape.structIterator()) {
      const child = node.children.get(member.getMergedTraits().xmlName ?? name);
      if (child) output[name] = this.#value(member, child, name);
    }
    return output;
  }

  #value(shape: Shape, node: Node, name: string): unknown {
    if (shape.isStructSchema()) return this.#structure(shape, node);
    if (shape.isListSchema()) return this.#list(shape, node, name);
    if (shape.isMapSchema()) return this.#map(shape, node, name);
    return this.#scalar(shape, node.value ?? "", name);
  }

  #list(shape: Shape, node: Node, name: string): unknown[] {
    const member = shape.getValueSchema();
    const flat = shape.getMergedTraits().xmlFlattened;
    const items = flat ? node : node.children.get(member.getMergedTraits().xmlName ?? "member");
    return numbered(items).map((item) => this.#value(member, item, name));
  }

  #map(shape: Shape, node: Node, name: string): Record<string, unknown> {
    const [keys, values] = [shape.getKeySchema(), shape.getValueSchema()];
    const entries = shape.getMergedTraits().xmlFlattened ? node : node.children.get("entry");
    const pairs = numbered(entries).map((entry): [string, unknown] => {
      const key = entry.children.get(keys.getMergedTraits().xmlName ?? "key")?.value ?? "";
      // A structure without members leaves no trace of its own.
      const value = entry.children.get(values.getMergedTraits().xmlName ?? "value") ?? { children: new Map() };
      return [key, this.#value(values, value, name)];
    });
    return Object.fromEntries(pairs);
  }

  #scalar(shape: Shape, text: string, name: string): unknown {
    let value: unknown;
    try {
      value = shape.isStringSchema() ? text : this.#scalars.read(shape, text);
    } catch (cause) {
      const error = refuse("query", "unparsable", `${name} is not of the form it must have: ${text}`);
      error.cause = cause;
      throw error;
    }
    const wrong = Number.isNaN(value) || (shape.isBooleanSchema() && !/^(?:true|false)$/i.test(text));
    if (wrong) throw refuse("query", "unparsable", `${name} is not of the form it must have: ${text}`);
    return value;
  }
}

/** Children `1`, `2`, … in order; gaps are closed up. */
function numbered(node: Node | undefined): Node[] {
  if (!node) return [];
  return [...node.children]
    .filter(([key]) => /^[1-9]\d{0,8}$/.test(key))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child);
}
