/** The listening address as programs on this machine reach it: a wildcard is no address to connect to. */
export function localAddress(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}
