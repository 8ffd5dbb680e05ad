import type { Encryption } from "../../objects/object-records.ts";

/** Which exchanges of an endpoint are kept, and where. Part of its record. */
export interface CaptureSettings {
  readonly bucket: string;
  /** Without a slash at its end; '' for none. */
  readonly prefix: string;
  /** 0 to 1: how many of all requests. */
  readonly share: number;
  readonly input: boolean;
  readonly output: boolean;
  /** Content types whose data are kept as text; all others are base64. */
  readonly csvTypes: readonly string[];
  readonly jsonTypes: readonly string[];
  readonly encryption?: Encryption;
}
