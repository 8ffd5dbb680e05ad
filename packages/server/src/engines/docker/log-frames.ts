/** One message of a container's log: a line, or a piece of one where the engine cut it. */
export interface LogFrame {
  /** 1 for standard output, 2 for standard error. */
  readonly stream: number;
  /** Seconds since 1970 when the engine took it. */
  readonly second: number;
  /** Milliseconds within that second; `undefined` where the engine tells seconds only (Podman 4). */
  readonly millis: number | undefined;
  /** With its line feed, where the line ends here. */
  readonly text: Buffer;
}

const headerBytes = 8;
/** Engines cut lines at 16 KiB or so; a header that says much more is not one. */
const maxFrameBytes = 16 * 2 ** 20;
const space = 32;

/**
 * Takes apart the answer of the logs call with `timestamps`: frames of an 8-byte header (stream, three zeros, length,
 * big-endian), a time in RFC 3339 form, a space and the text.
 */
export class LogFrames {
  #held: Buffer = Buffer.alloc(0);

  /** Takes the next bytes. @returns The frames that they complete. */
  take(bytes: Buffer): LogFrame[] {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
    const frames: LogFrame[] = [];
    while (rest.length >= headerBytes) {
      const length = rest.readUInt32BE(4);
      if (length > maxFrameBytes) throw new Error(`A log frame of ${length} bytes: this is not a container's log`);
      if (rest.length < headerBytes + length) break;
      frames.push(parse(rest[0] ?? 1, rest.subarray(headerBytes, headerBytes + length)));
      rest = rest.subarray(headerBytes + length);
    }
    this.#held = Buffer.from(rest);
    return frames;
  }
}

function parse(stream: number, payload: Buffer): LogFrame {
  const end = payload.indexOf(space);
  const stamp = payload.subarray(0, Math.max(0, end)).toString("latin1");
  const at = Date.parse(stamp);
  if (Number.isNaN(at)) throw new Error(`A log frame without a time: ${payload.subarray(0, 40).toString()}`);
  return {
    stream,
    second: Math.floor(at / 1000),
    millis: stamp.includes(".") ? at - Math.floor(at / 1000) * 1000 : undefined,
    text: payload.subarray(end + 1),
  };
}
