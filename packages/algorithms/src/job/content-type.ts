import type { ContentType } from "./channels.ts";

/** Reads `text/csv; label_size=0`. Type and parameter names are case-insensitive (RFC 9110, section 8.3). */
export function parseContentType(text: string): ContentType {
  const [type = "", ...parameters] = text.split(";");
  return {
    type: type.trim().toLowerCase(),
    parameters: new Map(
      parameters.map((parameter) => {
        const [name = "", value = ""] = parameter.split("=");
        return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, "$1")];
      }),
    ),
  };
}
