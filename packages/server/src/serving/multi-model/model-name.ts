import { validationError } from "../invoke/model-errors.ts";

/**
 * Checks what a request calls the model that it wants: a key below the prefix of a multi-model endpoint.
 * @throws ServiceError ValidationError for names that could lead elsewhere.
 */
export function checkTargetModel(name: string): void {
  const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
  if (name.startsWith("/"))
    throw validationError(`TargetModel ${shown} must be relative to the endpoint's ModelDataUrl.`);
  if (name.endsWith("/")) throw validationError(`TargetModel ${shown} names a folder; expected a .tar.gz archive.`);
  if (name.split("/").some((part) => part === ".." || part === ".")) {
    throw validationError(`TargetModel ${shown} must not leave the endpoint's ModelDataUrl: it holds "." or "..".`);
  }
}
