/** Escapes text for an XML element. */
export function xmlText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- XML 1.0 has no form for these characters at all
  const printable = text.replaceAll(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g, "\ufffd");
  return printable.replaceAll(/[&<>"']/g, (c) => escapes[c] as string);
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

/** `<name>text</name>`. */
export function xmlElement(name: string, text: unknown): string {
  return `<${name}>${xmlText(String(text))}</${name}>`;
}

/** What every XML answer begins with. */
export const xmlProlog = '<?xml version="1.0" encoding="UTF-8"?>\n';
