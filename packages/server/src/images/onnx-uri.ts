/** The version of ONNX Runtime that serves models. */
export const onnxRuntimeVersion = "1.30.0";

/** Ours alone: nobody else's image is called so. */
const uris = /^sagebrush\/onnxruntime(?::([\w.-]+))?$/u;

/**
 * Whether a URI is the image of ONNX Runtime, and in which version.
 * @returns `undefined` for other images; else whether its tag is there.
 */
export function onnxTag(uri: string): { readonly isThere: boolean } | undefined {
  const match = uris.exec(uri);
  if (match === null) return undefined;
  const [, tag = "latest"] = match;
  const known = ["latest", onnxRuntimeVersion, onnxRuntimeVersion.split(".").slice(0, 2).join("."), "1"];
  return { isThere: known.includes(tag) };
}
