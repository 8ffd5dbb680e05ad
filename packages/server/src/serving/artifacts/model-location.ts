/** A place in object storage. */
export interface ObjectLocation {
  readonly bucket: string;
  readonly key: string;
}

const pathStyleHost = /^s3[.-]([a-z0-9-]+\.)?amazonaws\.com(\.cn)?$/u;
const virtualHost = /^(?<bucket>.+)\.s3[.-]([a-z0-9-]+\.)?amazonaws\.com(\.cn)?$/u;

/** Takes a ModelDataUrl apart: `s3://bucket/key`, or the https form of S3's own addresses. `undefined` for others. */
export function parseModelDataUrl(url: string): ObjectLocation | undefined {
  const s3 = /^s3:\/\/(?<bucket>[^/]+)\/(?<key>.+)$/su.exec(url)?.groups;
  if (s3 !== undefined) return { bucket: s3["bucket"] as string, key: s3["key"] as string };
  if (!url.startsWith("https://") || !URL.canParse(url)) return undefined;
  const { host, pathname } = new URL(url);
  const path = decodePath(pathname.slice(1));
  if (path === undefined) return undefined;
  const slash = path.indexOf("/");
  const bucket = virtualHost.exec(host)?.groups?.["bucket"];
  if (bucket !== undefined && path !== "") return { bucket, key: path };
  if (pathStyleHost.test(host) && slash > 0 && slash < path.length - 1) {
    return { bucket: path.slice(0, slash), key: path.slice(slash + 1) };
  }
  return undefined;
}

function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    // A stray percent sign: not an address that S3 hands out.
    return undefined;
  }
}
