import type { Shape } from "../schemas.ts";

/**
 * Checks that parsed JSON has the model's types, which the SDK's codec takes for granted. Unknown members are ignored,
 * as AWS does. CBOR has dates and bytes of its own, and no words for numbers.
 * @returns What is wrong, in the words of AWS's own parser, with the path; `undefined` when all is well.
 */
export function wrongType(shape: Shape, value: unknown, form: "json" | "cbor" = "json", path = ""): string | undefined {
  if (value === null || value === undefined || shape.isDocumentSchema()) return undefined;
  if (shape.isStructSchema()) return wrongStruct(shape, value, form, path);
  if (shape.isListSchema()) return wrongList(shape, value, form, path);
  if (shape.isMapSchema()) return wrongMap(shape, value, form, path);
  if (form === "cbor" && shape.isTimestampSchema()) {
    return value instanceof Date || typeof value === "number" ? undefined : cannot(value, "a Date", path);
  }
  if (form === "cbor" && shape.isBlobSchema() && value instanceof Uint8Array) return undefined;
  if (typeof value === "object") {
    const found = Array.isArray(value) ? "Start of list" : "Start of structure or map";
    return `${found} found where not expected${at(path)}`;
  }
  if (shape.isNumericSchema() || shape.isBigIntegerSchema() || shape.isBigDecimalSchema()) {
    return typeof value === "number" || (form === "json" && isNumberWord(value))
      ? undefined
      : cannot(value, "a Number", path);
  }
  if (shape.isBooleanSchema()) return typeof value === "boolean" ? undefined : cannot(value, "a Boolean", path);
  if (shape.isTimestampSchema()) return typeof value === "boolean" ? cannot(value, "a Date", path) : undefined;
  return typeof value === "string" ? undefined : cannot(value, shape.isBlobSchema() ? "a Blob" : "a String", path);
}

function wrongStruct(shape: Shape, value: unknown, form: "json" | "cbor", path: string): string | undefined {
  if (typeof value !== "object" || Array.isArray(value)) return `Expected a structure or null${at(path)}`;
  for (const [name, member] of shape.structIterator()) {
    const found = (value as Record<string, unknown>)[name];
    if (found === undefined || found === null || !Object.hasOwn(value as object, name)) continue;
    const wrong = wrongType(member, found, form, path === "" ? name : `${path}.${name}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function wrongList(shape: Shape, value: unknown, form: "json" | "cbor", path: string): string | undefined {
  if (!Array.isArray(value)) return `Expected list or null${at(path)}`;
  const member = shape.getValueSchema();
  for (const [i, item] of value.entries()) {
    if (item === null && !isSparse(shape)) return `Expected no null in a list${at(`${path}[${i}]`)}`;
    const wrong = wrongType(member, item, form, `${path}[${i}]`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function wrongMap(shape: Shape, value: unknown, form: "json" | "cbor", path: string): string | undefined {
  if (typeof value !== "object" || Array.isArray(value)) return `Expected map or null${at(path)}`;
  const member = shape.getValueSchema();
  for (const [key, item] of Object.entries(value as object)) {
    if (item === null && !isSparse(shape)) return `Expected no null in a map${at(`${path}.${key}`)}`;
    const wrong = wrongType(member, item, form, `${path}.${key}`);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Only lists and maps with this trait may hold null; handlers rely on the others not to. */
function isSparse(shape: Shape): boolean {
  return Boolean(shape.getMergedTraits().sparse);
}

const tokens: Readonly<Record<string, string>> = { string: "STRING_VALUE", number: "NUMBER_VALUE" };

function cannot(value: unknown, wanted: string, path: string): string {
  const token = typeof value === "boolean" ? `${String(value).toUpperCase()}_VALUE` : tokens[typeof value];
  return `${token} can not be converted to ${wanted}${at(path)}`;
}

function isNumberWord(value: unknown): boolean {
  return value === "NaN" || value === "Infinity" || value === "-Infinity";
}

function at(path: string): string {
  return path === "" ? "" : ` at ${path}`;
}
