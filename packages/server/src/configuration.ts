/** What the server was told to do, after command line, environment, config file and defaults were merged. */
export interface Configuration {
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  /** Twelve digits. */
  readonly account: string;
  /** The region that `sagebrush env` exports; every region name is answered. */
  readonly region: string;
  /** `open` takes any credentials, on loopback only. */
  readonly auth: "required" | "open";
  /** Accepted Host names besides loopback; the first is used in addresses that the server hands out. */
  readonly publicUrls: readonly string[];
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
  readonly insecure: boolean;
  /** Web origins that may call the server from a browser, besides what a bucket's CORS rules allow. */
  readonly allowedOrigins: readonly string[];
  readonly engine: "auto" | "sandbox" | "process";
}
