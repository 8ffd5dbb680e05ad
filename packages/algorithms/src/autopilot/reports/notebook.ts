/** A cell of a notebook: text, or Python. */
export interface Cell {
  readonly kind: "markdown" | "code";
  readonly source: string;
}

/** Markdown. */
export function prose(source: string): Cell {
  return { kind: "markdown", source };
}

/** Python. */
export function code(source: string): Cell {
  return { kind: "code", source };
}

/** A Jupyter notebook, format 4.5. */
export function notebook(cells: readonly Cell[]): string {
  const made = cells.map(({ kind, source }, index) => ({
    cell_type: kind,
    id: `cell-${index}`,
    metadata: {},
    ...(kind === "code" && { execution_count: null, outputs: [] }),
    source: source.trim().split(/(?<=\n)/),
  }));
  const kernelspec = { display_name: "Python 3", language: "python", name: "python3" };
  const metadata = { kernelspec, language_info: { name: "python" } };
  return `${JSON.stringify({ cells: made, metadata, nbformat: 4, nbformat_minor: 5 }, undefined, 1)}\n`;
}

/** A text as a Python literal. Its escapes are JSON's, which Python shares. */
export function pythonString(text: string): string {
  return JSON.stringify(text);
}

/** Cells of a table in Markdown hold no bars and no line ends. */
export function tableRow(fields: readonly (string | number)[]): string {
  const clean = fields.map((field) =>
    String(field)
      .replaceAll(/[|\r\n]/g, " ")
      .slice(0, 80),
  );
  return `| ${clean.join(" | ")} |`;
}
