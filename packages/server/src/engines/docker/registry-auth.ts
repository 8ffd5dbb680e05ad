/** The header by which an engine is told who we are to a registry: base64 for addresses, with its padding. */
export function registryAuthHeader(credentials: Readonly<Record<string, string>>): Record<string, string> {
  const text = Buffer.from(JSON.stringify(credentials)).toString("base64");
  return { "x-registry-auth": text.replaceAll("+", "-").replaceAll("/", "_") };
}
