import { isIP } from "node:net";
import { Lru } from "./lru.ts";

/** What a Host header means to us. */
export interface HostMatch {
  /** The bucket of a virtual-hosted S3 address. */
  readonly bucket?: string;
}

/** Says which Host names are ours. Anything else is refused, so that no foreign DNS name can be pointed at a loopback server. */
export class Hosts {
  readonly #names: readonly string[];
  readonly #known = new Lru<string, HostMatch | "foreign">(1_000);

  /** @param publicUrls - `https://ml.example.com`: their names, and `BUCKET.` before them, are accepted. */
  constructor(publicUrls: readonly string[], listenHost: string) {
    const names = publicUrls.map((url) => new URL(url).hostname.toLowerCase());
    const listens = listenHost.toLowerCase();
    // An address that the operator told us to listen on is ours; the unspecified ones name no host.
    if (listens !== "0.0.0.0" && listens !== "::") names.push(bare(listens));
    this.#names = names;
  }

  /** `undefined` when the name is not ours. */
  match(header: string | undefined): HostMatch | undefined {
    if (header === undefined) return undefined;
    let found = this.#known.get(header);
    if (found === undefined) {
      found = this.#find(header) ?? "foreign";
      this.#known.set(header, found);
    }
    return found === "foreign" ? undefined : found;
  }

  #find(header: string): HostMatch | undefined {
    const name = hostname(header);
    if (name === undefined) return undefined;
    if (isLoopback(name) || this.#names.includes(name)) return {};
    for (const own of ["localhost", ...this.#names]) {
      if (name.endsWith(`.${own}`) && isIP(own) === 0) return { bucket: name.slice(0, -own.length - 1) };
    }
    return undefined;
  }
}

/** `localhost`, 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  const name = bare(host);
  return name === "localhost" || name === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(name);
}

/** Host name of a Host header, in lower case, without port and brackets. */
function hostname(header: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]@/\\?#\s]+)(?::\d{1,5})?$/i.exec(header);
  return match ? bare((match[1] as string).toLowerCase()) : undefined;
}

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "").replace(/\.$/, "");
}
