/** The layer cannot be unpacked; the message says what is wrong with it. */
export class InvalidLayer extends Error {
  override readonly name = "InvalidLayer";
}

/** What is at a path of a layer. */
type LayerNode =
  | { readonly kind: "folder"; readonly children: Map<string, LayerNode> }
  | { readonly kind: "file" }
  | { readonly kind: "link"; readonly target: string };

/** A place in a layer: its folder, which is there and reached without a link, and its name there. */
export interface LayerPlace {
  readonly folder: readonly string[];
  readonly name: string;
  /** Folders to make first, the outermost first. */
  readonly missing: readonly (readonly string[])[];
}

const longestPath = 4096;
const longestName = 255;
const mostFolders = 256;
const mostLinks = 40;

/**
 * What has been unpacked of a layer so far, in memory. Every path is resolved here and never by the file system: a link in
 * the layer leads to another place of the layer, whatever it says, and what is written goes through real folders only.
 */
export class LayerTree {
  readonly #root = folder();

  /**
   * Splits a member's path. @returns Empty for the layer's root.
   * @throws InvalidLayer for one that leads out of the layer or is too long.
   */
  static split(path: string): string[] {
    const parts = path.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.includes("..")) throw new InvalidLayer(`it has a member outside of its tree: ${shown(path)}`);
    if (path.length > longestPath || parts.length > mostFolders || parts.some((part) => part.length > longestName)) {
      throw new InvalidLayer(`it has a member whose path is too long: ${shown(path)}`);
    }
    return parts;
  }

  /** Finds where a path lies, following the layer's own links to its folders. @throws InvalidLayer */
  place(parts: readonly string[]): LayerPlace {
    const missing: string[][] = [];
    const at = this.#walk(parts.slice(0, -1), (path) => missing.push(path));
    return { folder: at, name: parts.at(-1) as string, missing };
  }

  at(path: readonly string[]): LayerNode | undefined {
    let node: LayerNode | undefined = this.#root;
    for (const part of path) node = node?.kind === "folder" ? node.children.get(part) : undefined;
    return node;
  }

  putFolder(path: readonly string[]): void {
    if (this.at(path)?.kind !== "folder") this.#put(path, folder());
  }

  putFile(path: readonly string[]): void {
    this.#put(path, { kind: "file" });
  }

  putLink(path: readonly string[], target: string): void {
    this.#put(path, { kind: "link", target });
  }

  #put(path: readonly string[], node: LayerNode): void {
    const above = this.at(path.slice(0, -1));
    if (above?.kind === "folder") above.children.set(path.at(-1) as string, node);
  }

  /** @returns Real folders only. Missing ones are made on the way. */
  #walk(parts: readonly string[], make: (path: string[]) => void): string[] {
    let left = [...parts];
    let here: string[] = [];
    for (let links = 0; left.length > 0; ) {
      const part = left.shift() as string;
      if (part === "..") {
        // The root's parent is the root, as for a process that was moved into it.
        here = here.slice(0, -1);
        continue;
      }
      const path = [...here, part];
      const node = this.at(path);
      if (node === undefined) {
        this.putFolder(path);
        make(path);
      } else if (node.kind === "link") {
        if (++links > mostLinks)
          throw new InvalidLayer(`it has links that lead to one another: ${shown(parts.join("/"))}`);
        const target = node.target.split("/").filter((each) => each !== "" && each !== ".");
        left = [...target, ...left];
        if (node.target.startsWith("/")) here = [];
        continue;
      } else if (node.kind === "file") {
        throw new InvalidLayer(`it has a member below a file: ${shown(parts.join("/"))}`);
      }
      here = path;
    }
    return here;
  }
}

function folder(): LayerNode & { kind: "folder" } {
  return { kind: "folder", children: new Map() };
}

/** A path for a message: short, and without characters that would steer a terminal. */
function shown(path: string): string {
  return JSON.stringify(path.slice(0, 200));
}
