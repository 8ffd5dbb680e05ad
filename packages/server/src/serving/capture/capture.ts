import type { Log } from "../../log.ts";
import type { ObjectCatalogue } from "../../objects/object-catalogue.ts";
import type { CaptureSettings } from "./capture-settings.ts";
import { captureKey, captureLine, type Exchange } from "./captured-exchange.ts";

/** What was captured is written this long after it came, or sooner when it is much. */
const writeAfterMs = 10_000;
const writeAtBytes = 4 * 1024 * 1024;
/** Beyond this nothing more is kept until a write has ended: requests must not wait, nor memory run out. */
const mostBytes = 64 * 1024 * 1024;

/** Where captures are written. */
export interface CaptureParts {
  readonly objects: { put(...parts: Parameters<ObjectCatalogue["put"]>): Promise<unknown> };
  readonly log: Log;
}

/**
 * What one variant's requests leave for monitoring: kept in memory as it comes, which is all that a request pays for, and
 * written as one object now and then. A server that is killed loses the last ten seconds.
 */
export class Capture {
  readonly #parts: CaptureParts;
  readonly #endpoint: string;
  readonly #variant: string;
  #settings: CaptureSettings;
  #waiting: Exchange[] = [];
  #waitingBytes = 0;
  #writingBytes = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: CaptureParts, endpoint: string, variant: string, settings: CaptureSettings) {
    this.#parts = parts;
    this.#endpoint = endpoint;
    this.#variant = variant;
    this.#settings = settings;
  }

  /** Whether to keep a request. @param random - Uniform in [0, 1). */
  wants(random: number): boolean {
    return random < this.#settings.share;
  }

  /** Another configuration: what came before is written as it was asked for then. */
  configure(settings: CaptureSettings): void {
    if (JSON.stringify(settings) === JSON.stringify(this.#settings)) return;
    this.#flush();
    this.#settings = settings;
  }

  add(exchange: Exchange): void {
    const bytes = exchange.input.body.length + exchange.output.body.length;
    if (this.#waitingBytes + this.#writingBytes + bytes > mostBytes) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(exchange);
    this.#waitingBytes += bytes;
    if (this.#waitingBytes >= writeAtBytes) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), writeAfterMs).unref();
  }

  /** Writes what there is. */
  close(): Promise<void> {
    this.#flush();
    return this.#writing;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    const [exchanges, bytes, settings] = [this.#waiting, this.#waitingBytes, this.#settings];
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#writingBytes += bytes;
    this.#writing = this.#writing
      .then(() => this.#write(exchanges, settings))
      .catch((error: unknown) => {
        const { bucket } = settings;
        this.#parts.log.warn("captured data were not written", { endpoint: this.#endpoint, bucket, error });
      })
      .then(() => {
        this.#writingBytes -= bytes;
      });
  }

  async #write(exchanges: readonly Exchange[], settings: CaptureSettings): Promise<void> {
    const { bucket, prefix, encryption } = settings;
    const at = exchanges[0]?.at ?? 0;
    const key = captureKey(prefix, this.#endpoint, this.#variant, at);
    const attributes = { contentType: "application/jsonlines", ...(encryption && { encryption }) };
    await this.#parts.objects.put(bucket, key, lines(exchanges, settings), attributes);
    if (this.#dropped > 0) {
      const fields = { endpoint: this.#endpoint, variant: this.#variant, requests: this.#dropped };
      this.#dropped = 0;
      this.#parts.log.warn("requests were not captured: they came faster than the disk took them", fields);
    }
  }
}

/** Lines are made as they are written, a few at a time, so that other requests get their turn. */
async function* lines(exchanges: readonly Exchange[], settings: CaptureSettings): AsyncGenerator<Buffer> {
  for (let at = 0; at < exchanges.length; at += linesAtOnce) {
    const some = exchanges.slice(at, at + linesAtOnce).map((exchange) => captureLine(exchange, settings));
    yield Buffer.from(some.join(""));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const linesAtOnce = 32;

interface CapturedVariant {
  readonly endpoint: string;
  readonly variant: string;
  readonly settings: CaptureSettings;
}

/** The captures of all variants. */
export class Captures {
  readonly #parts: CaptureParts;
  readonly #captures = new Map<string, Capture>();

  constructor(parts: CaptureParts) {
    this.#parts = parts;
  }

  /**
   * A variant's capture in one fleet: during a deployment two fleets capture as their own configurations say.
   * @param id - Of the endpoint.
   */
  of(id: string, fleet: number, { endpoint, variant, settings }: CapturedVariant): Capture {
    const key = `${id}/${fleet}/${variant}`;
    const known = this.#captures.get(key);
    if (known !== undefined) {
      known.configure(settings);
      return known;
    }
    const capture = new Capture(this.#parts, endpoint, variant, settings);
    this.#captures.set(key, capture);
    return capture;
  }

  /** Writes and forgets what is of other fleets of an endpoint than these: of all of them, when it is deleted. */
  retain(id: string, fleets: readonly number[]): void {
    const kept = fleets.map((fleet) => `${id}/${fleet}/`);
    for (const [key, capture] of this.#captures) {
      if (!key.startsWith(`${id}/`) || kept.some((prefix) => key.startsWith(prefix))) continue;
      void capture.close();
      this.#captures.delete(key);
    }
  }

  /** Writes all that there is. */
  async close(): Promise<void> {
    await Promise.all([...this.#captures.values()].map((capture) => capture.close()));
  }
}
