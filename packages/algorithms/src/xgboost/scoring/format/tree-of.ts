import { ModelFileError } from "../errors.ts";
import { Fields, type Numbers, type Value } from "./document.ts";
import type { FileTree, LeafVectors } from "./model-file.ts";

/** A tree of a document. */
export function treeOf(value: Value, path: string): FileTree & { readonly id: number } {
  const tree = new Fields(value, path);
  const parameters = tree.object("tree_param");
  const nodes = parameters.whole("num_nodes", { least: 1 });
  const array = (name: string): Numbers => {
    const numbers = tree.numbers(name);
    if (numbers.length === nodes) return numbers;
    throw new ModelFileError(`${tree.pathOf(name)} has ${numbers.length} elements where the tree has ${nodes} nodes`);
  };
  const right = array("right_children");
  const width = Math.max(1, parameters.whole("size_leaf_vector", { otherwise: 1 }));
  return {
    id: tree.whole("id"),
    nodes,
    left: array("left_children"),
    right,
    feature: array("split_indices"),
    condition: array("split_conditions"),
    defaultLeft: array("default_left"),
    categories: tree.has("split_type") ? categoriesOf(tree, array("split_type")) : new Map(),
    ...(width > 1 && { leafVectors: leafVectors(tree, right) }),
  };
}

/** From 3.2 on leaves have vectors of their own, and a leaf's right child is its number; before, every node has one. */
function leafVectors(tree: Fields, right: Numbers): LeafVectors {
  if (tree.has("leaf_weights")) {
    return { values: tree.numbers("leaf_weights"), indexOf: (node) => right[node] as number };
  }
  return { values: tree.numbers("base_weights"), indexOf: (node) => node };
}

function categoriesOf(tree: Fields, types: Numbers): ReadonlyMap<number, Numbers> {
  const found = new Map<number, Numbers>();
  for (let node = 0; node < types.length; node++) if (types[node] === 1) found.set(node, []);
  if (found.size === 0) return found;
  const nodes = tree.numbers("categories_nodes");
  const [begins, sizes] = [tree.numbers("categories_segments"), tree.numbers("categories_sizes")];
  const categories = Array.from(tree.numbers("categories"));
  if (begins.length !== nodes.length || sizes.length !== nodes.length) {
    const lengths = `${nodes.length}, ${begins.length} and ${sizes.length}`;
    throw new ModelFileError(`${tree.pathOf("categories_nodes")}, _segments and _sizes have ${lengths} elements`);
  }
  let left = categories.length;
  for (let i = 0; i < nodes.length; i++) {
    const [begin, size] = [begins[i] as number, sizes[i] as number];
    if (!(begin >= 0 && size >= 0 && begin + size <= categories.length)) {
      const range = `${begin} to ${begin + size}`;
      throw new ModelFileError(
        `${tree.pathOf("categories")} has ${categories.length} elements, not those from ${range}`,
      );
    }
    // Each element belongs to one node: a small file cannot ask for much.
    left -= size;
    if (left < 0) throw new ModelFileError(`${tree.pathOf("categories_sizes")} are more than there are categories`);
    found.set(nodes[i] as number, categories.slice(begin, begin + size));
  }
  return found;
}
