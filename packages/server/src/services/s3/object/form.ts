import { ServiceError } from "../../../errors.ts";

/** All fields before the file together, as S3 limits them. */
const FIELDS_BYTES = 20 * 1024;
const BREAK = Buffer.from("\r\n");
const HEAD_END = Buffer.from("\r\n\r\n");

/** A browser's form up to its file: what comes after the file is not read, as in S3. */
export interface FormUpload {
  /** By lower-case name. */
  readonly fields: Readonly<Record<string, string>>;
  readonly fileName: string;
  readonly fileType: string | undefined;
  readonly file: AsyncIterable<Uint8Array>;
}

/**
 * Reads `multipart/form-data` (RFC 7578) as it arrives; the file streams.
 * @throws ServiceError `MalformedPOSTRequest`, `MaxPostPreDataLengthExceeded`, `InvalidArgument`.
 */
export async function readForm(body: AsyncIterable<Uint8Array>, contentType: string): Promise<FormUpload> {
  const boundary = /boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  if (!boundary) throw malformed("The form has no boundary.");
  const delimiter = Buffer.from(`\r\n--${boundary[1] ?? boundary[2]}`);
  const source = new Pieces(body, delimiter);
  // The first boundary has no line break before it.
  source.unread(BREAK);
  await source.skipTo(delimiter);
  const fields: Record<string, string> = {};
  let size = 0;
  for (;;) {
    const mark = await source.take(2);
    if (mark.equals(Buffer.from("--"))) throw noFile();
    if (!mark.equals(BREAK)) throw malformed("A boundary is followed by something else than a line break.");
    const head = (await source.until(HEAD_END, FIELDS_BYTES)).toString("utf8");
    const name = /^content-disposition:.*?[;\s]name="([^"]*)"/im.exec(head)?.[1];
    if (name === undefined) throw malformed("A form field has no name.");
    if (name.toLowerCase() === "file") {
      return {
        fields,
        fileName: /^content-disposition:.*?[;\s]filename="([^"]*)"/im.exec(head)?.[1] ?? "",
        fileType: /^content-type:\s*(.+?)\s*$/im.exec(head)?.[1],
        file: source.file(),
      };
    }
    const value = await source.until(delimiter, FIELDS_BYTES);
    size += name.length + value.length;
    if (size > FIELDS_BYTES) throw tooLong();
    fields[name.toLowerCase()] = value.toString("utf8");
  }
}

/** Bytes of a stream, looked through for a text that may lie across pieces. */
class Pieces {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #delimiter: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(body: AsyncIterable<Uint8Array>, delimiter: Buffer) {
    this.#source = body[Symbol.asyncIterator]();
    this.#delimiter = delimiter;
  }

  unread(bytes: Buffer): void {
    this.#held = Buffer.concat([bytes, this.#held]);
  }

  async take(length: number): Promise<Buffer> {
    while (this.#held.length < length) await this.#more();
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async skipTo(text: Buffer): Promise<void> {
    await this.until(text, FIELDS_BYTES);
  }

  /** Bytes before `text`, which is taken too. */
  async until(text: Buffer, limitBytes: number): Promise<Buffer> {
    for (;;) {
      const at = this.#held.indexOf(text);
      if (at >= 0) {
        const before = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + text.length);
        return before;
      }
      if (this.#held.length > limitBytes + text.length) throw tooLong();
      await this.#more();
    }
  }

  /** The file's bytes up to the next boundary; what follows is drained, so that the signature of the body is checked. */
  async *file(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const at = this.#held.indexOf(this.#delimiter);
      if (at >= 0) {
        yield this.#held.subarray(0, at);
        break;
      }
      // The end of what is held may be the beginning of a boundary.
      const safe = this.#held.length - this.#delimiter.length + 1;
      if (safe > 0) {
        yield this.#held.subarray(0, safe);
        this.#held = this.#held.subarray(safe);
      }
      await this.#more();
    }
    while (!(await this.#source.next()).done);
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw malformed("The form ends before its last boundary.");
    this.#held = this.#held.length === 0 ? Buffer.from(value) : Buffer.concat([this.#held, value]);
  }
}

function malformed(message: string): ServiceError {
  return new ServiceError(
    "MalformedPOSTRequest",
    `The body of your POST request is not well-formed multipart/form-data. ${message}`,
    {
      status: 400,
    },
  );
}

function tooLong(): ServiceError {
  return new ServiceError(
    "MaxPostPreDataLengthExceeded",
    "Your POST request fields preceding the upload file was too large.",
    { status: 400 },
  );
}

function noFile(): ServiceError {
  return new ServiceError("InvalidArgument", "POST requires exactly one file upload per request.", {
    status: 400,
    members: { ArgumentName: "file", ArgumentValue: "0" },
  });
}
