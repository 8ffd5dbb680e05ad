import type { FactorizationModel } from "./artifact.ts";

/** An operator of a graph, or a variable (`null`); inputs are (node, output, version). */
interface GraphNode {
  readonly op: string;
  readonly name: string;
  readonly attrs?: Readonly<Record<string, string>>;
  readonly inputs: readonly (readonly [number, number, number])[];
}

/** A computation graph in Apache MXNet's JSON. */
export interface GraphSymbol {
  readonly nodes: readonly GraphNode[];
  readonly arg_nodes: readonly number[];
  readonly node_row_ptr: readonly number[];
  readonly heads: readonly (readonly [number, number, number])[];
  readonly attrs: Readonly<Record<string, readonly [string, number]>>;
}

const outputs = { binary_classifier: "LogisticRegressionOutput", regressor: "LinearRegressionOutput" } as const;

/** The model as a graph that `mx.mod.Module.load` runs: data (rows, width) in, the score of each row out. */
export function symbolOf({ predictorType, width, factors }: Omit<FactorizationModel, "parameters">): GraphSymbol {
  // In the order in which MXNet itself lists a graph: inputs before what they go into, depth first.
  const graph = new Graph();
  const data = graph.variable("data");
  const linear = graph.operator("dot", "linear", [data, graph.variable("w1_weight", [width, 1])]);
  const line = graph.operator("broadcast_add", "line", [linear, graph.variable("w0_weight", [1])]);
  const v = graph.variable("v", [width, factors]);
  const ofSums = graph.operator("square", "squared_sums", [graph.operator("dot", "sums", [data, v])]);
  const squares = [graph.operator("square", "squared_data", [data]), graph.operator("square", "squared_factors", [v])];
  const ofSquares = graph.operator("dot", "summed_squares", squares);
  const differences = graph.operator("elemwise_sub", "differences", [ofSums, ofSquares]);
  const byRow = { axis: "1", keepdims: "True" };
  const all = graph.operator("sum", "all_pairs", [differences], byRow);
  const pairs = graph.operator("_mul_scalar", "pairs", [all], { scalar: "0.5" });
  const score = graph.operator("elemwise_add", "score", [line, pairs]);
  return graph.end(graph.operator(outputs[predictorType], "out", [score, graph.variable("out_label")]));
}

/** @returns What a graph's output says it predicts; undefined where it is another kind of model. */
export function predictorTypeOf({ nodes, heads }: GraphSymbol): FactorizationModel["predictorType"] | undefined {
  const ends = heads.map(([node]) => nodes[node]?.op);
  const types = ["binary_classifier", "regressor"] as const;
  return types.find((type) => ends.includes(outputs[type]));
}

class Graph {
  readonly #nodes: GraphNode[] = [];

  variable(name: string, shape?: readonly number[]): number {
    const attrs =
      shape === undefined ? {} : { attrs: { __shape__: `(${shape.join(", ")}${shape.length === 1 ? "," : ""})` } };
    return this.#add({ op: "null", name, ...attrs, inputs: [] });
  }

  operator(op: string, name: string, inputs: readonly number[], attrs?: Readonly<Record<string, string>>): number {
    const given = attrs === undefined ? {} : { attrs };
    return this.#add({ op, name, ...given, inputs: inputs.map((node) => [node, 0, 0] as const) });
  }

  end(head: number): GraphSymbol {
    return {
      nodes: this.#nodes,
      arg_nodes: this.#nodes.flatMap(({ op }, i) => (op === "null" ? [i] : [])),
      node_row_ptr: Array.from({ length: this.#nodes.length + 1 }, (_, i) => i),
      heads: [[head, 0, 0]],
      attrs: { mxnet_version: ["int", 10901] },
    };
  }

  #add(node: GraphNode): number {
    return this.#nodes.push(node) - 1;
  }
}
