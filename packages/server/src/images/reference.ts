/** An image reference taken apart. */
export interface ImageReference {
  /** `127.0.0.1:9310`, `ACCOUNT.dkr.ecr.REGION.amazonaws.com`; absent where the first part of the path is no host. */
  readonly host?: string;
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:…`; it counts where there is a tag as well. */
  readonly digest?: string;
}

/** As Docker does: the first part is a host when it has a dot or a colon, or is `localhost`. */
const form =
  /^(?:((?:[a-zA-Z0-9-]+\.[a-zA-Z0-9.-]*|localhost)(?::\d+)?|[a-zA-Z0-9-]+:\d+)\/)?([^:@]+)(?::([^@/]+))?(?:@(sha256:[0-9a-f]{64}))?$/;

/** Reads a reference; `undefined` when it is not of the form. */
export function parseImageReference(uri: string): ImageReference | undefined {
  const [, host, repository, tag, digest] = form.exec(uri) ?? [];
  if (repository === undefined) return undefined;
  return {
    ...(host !== undefined && { host }),
    repository,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}
