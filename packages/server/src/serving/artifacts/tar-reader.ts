/**
 * Reads POSIX tar streams: ustar, pax and GNU long names, which is what `tarfile`, GNU tar and BSD tar write. Headers
 * only are held in memory (at most `maxMetadataBytes` of one long name or pax block); contents stream through.
 */

/** One member's header. Links and devices are reported, not followed: the caller decides. */
export interface TarEntry {
  /** As written in the archive: may be absolute or hold `..`. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink" | "hardlink" | "special";
  readonly sizeBytes: number;
  readonly executable: boolean;
  /** Where a link leads, as written in the archive; empty for other members. */
  readonly linkTo: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
}

/** Gets each member in order; `data` is called with every piece of a file's contents, then `end`. */
export interface TarVisitor {
  entry(entry: TarEntry): Promise<void>;
  data(chunk: Buffer): Promise<void>;
  end(): Promise<void>;
}

/** The stream is not a tar archive, or ends in the middle of one. */
export class TarError extends Error {
  override readonly name = "TarError";
}

const blockSize = 512;
const maxMetadataBytes = 1024 * 1024;

/**
 * Walks the archive that `source` yields.
 * @throws TarError for a broken archive; whatever the visitor or the source throws.
 */
export async function readTar(source: AsyncIterable<Buffer>, visitor: TarVisitor): Promise<void> {
  const blocks = new BlockReader(source);
  let overrides: Overrides = {};
  let sawMember = false;
  for (;;) {
    const header = await blocks.read(blockSize);
    // Writers end with two zero blocks; readers accept one, and an archive cut exactly between members has none.
    if (header === undefined) {
      if (!sawMember) throw new TarError("the archive is empty");
      throw new TarError("the archive has no end mark: it is truncated");
    }
    if (isZero(header)) return await drain(blocks);
    verifyChecksum(header);
    sawMember = true;
    const flag = String.fromCharCode(header[156] as number);
    const sizeBytes = parseNumber(header.subarray(124, 136));
    if (flag === "x" || flag === "L" || flag === "K") {
      const text = await blocks.metadata(sizeBytes);
      if (flag === "L") overrides.path = untilNul(text);
      else if (flag === "K") overrides.linkTo = untilNul(text);
      else applyPax(text, overrides);
      continue;
    }
    // Global pax headers change nothing that is read here.
    if (flag === "g") {
      await blocks.metadata(sizeBytes);
      continue;
    }
    const entry = memberOf(header, flag, { sizeBytes, ...overrides });
    overrides = {};
    await visitor.entry(entry);
    if (entry.type === "file") await blocks.contents(entry.sizeBytes, (chunk) => visitor.data(chunk));
    await visitor.end();
  }
}

/** What headers before a member's own say of it. */
interface Overrides {
  path?: string;
  linkTo?: string;
  sizeBytes?: number;
  uid?: number;
  gid?: number;
  modifiedAt?: number;
}

function memberOf(header: Buffer, flag: string, overrides: Overrides & { sizeBytes: number }): TarEntry {
  const name = untilNul(header.subarray(0, 100));
  const isUstar = header.toString("latin1", 257, 262) === "ustar";
  // GNU's own format keeps other fields where ustar has the prefix; its magic ends with a space.
  const prefix = isUstar && header[262] === 0 ? untilNul(header.subarray(345, 500)) : "";
  const path = overrides.path ?? (prefix === "" ? name : `${prefix}/${name}`);
  const type = typeOf(flag, path);
  const mode = parseNumber(header.subarray(100, 108));
  const isLink = type === "symlink" || type === "hardlink";
  return {
    path,
    type,
    sizeBytes: type === "file" ? overrides.sizeBytes : 0,
    executable: (mode & 0o111) !== 0,
    linkTo: isLink ? (overrides.linkTo ?? untilNul(header.subarray(157, 257))) : "",
    mode,
    uid: overrides.uid ?? parseNumber(header.subarray(108, 116)),
    gid: overrides.gid ?? parseNumber(header.subarray(116, 124)),
    modifiedAt: overrides.modifiedAt ?? parseNumber(header.subarray(136, 148)),
  };
}

function typeOf(flag: string, path: string): TarEntry["type"] {
  // Before ustar, directories were files whose name ends with a slash.
  if (flag === "0" || flag === "\0" || flag === "7") return path.endsWith("/") ? "directory" : "file";
  if (flag === "5") return "directory";
  if (flag === "1") return "hardlink";
  if (flag === "2") return "symlink";
  return "special";
}

function verifyChecksum(header: Buffer): void {
  let sum = 0;
  for (let i = 0; i < blockSize; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] as number);
  if (sum !== parseNumber(header.subarray(148, 156))) throw new TarError("it is not a tar archive");
}

/** Octal text, or base 256 when the first bit is set. */
function parseNumber(field: Buffer): number {
  if (((field[0] as number) & 0x80) !== 0) {
    let value = (field[0] as number) & 0x7f;
    for (let i = 1; i < field.length; i++) value = value * 256 + (field[i] as number);
    if (!Number.isSafeInteger(value)) throw new TarError("a member's size is out of range");
    return value;
  }
  const text = untilNul(field).trim();
  if (text === "") return 0;
  if (!/^[0-7]+$/u.test(text)) throw new TarError("it is not a tar archive");
  return Number.parseInt(text, 8);
}

/** Records of the form `LENGTH KEYWORD=VALUE\n`. */
function applyPax(block: Buffer, overrides: Overrides): void {
  let at = 0;
  while (at < block.length) {
    const space = block.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(block.toString("latin1", at, space));
    if (!Number.isInteger(length) || length <= space - at || at + length > block.length) {
      throw new TarError("a pax header is malformed");
    }
    const record = block.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    const keyword = record.slice(0, equals);
    const value = record.slice(equals + 1);
    if (keyword === "path") overrides.path = value;
    if (keyword === "linkpath") overrides.linkTo = value;
    if (keyword === "size") overrides.sizeBytes = wholeNumber(keyword, value);
    if (keyword === "uid") overrides.uid = wholeNumber(keyword, value);
    if (keyword === "gid") overrides.gid = wholeNumber(keyword, value);
    if (keyword === "mtime" && /^-?\d+(?:\.\d+)?$/u.test(value)) overrides.modifiedAt = Number(value);
    at += length;
  }
}

function wholeNumber(keyword: string, value: string): number {
  const number = Number(value);
  if (!/^\d+$/u.test(value) || !Number.isSafeInteger(number)) throw new TarError(`a pax ${keyword} is malformed`);
  return number;
}

function untilNul(field: Buffer): string {
  const end = field.indexOf(0);
  return field.toString("utf8", 0, end < 0 ? field.length : end);
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

/** Reads to the end, so that the gzip checksum behind the archive is verified too. */
async function drain(blocks: BlockReader): Promise<void> {
  while ((await blocks.read(blockSize)) !== undefined);
}

class BlockReader {
  readonly #source: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly `size` bytes; `undefined` at the end of the stream. */
  async read(size: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let wanted = size;
    while (wanted > 0) {
      const chunk = await this.#some(wanted);
      if (chunk === undefined) {
        if (wanted === size) return undefined;
        throw new TarError("the archive is truncated");
      }
      parts.push(chunk);
      wanted -= chunk.length;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  async metadata(size: number): Promise<Buffer> {
    if (size > maxMetadataBytes)
      throw new TarError(`a header of ${size} bytes is over the limit of ${maxMetadataBytes}`);
    const parts: Buffer[] = [];
    await this.contents(size, async (chunk) => void parts.push(chunk));
    return Buffer.concat(parts);
  }

  /** Hands on `size` bytes as they come and skips the padding behind them. */
  async contents(size: number, take: (chunk: Buffer) => Promise<void>): Promise<void> {
    let left = size;
    while (left > 0) {
      const chunk = await this.#some(left);
      if (chunk === undefined) throw new TarError("the archive is truncated");
      left -= chunk.length;
      await take(chunk);
    }
    const padding = (blockSize - (size % blockSize)) % blockSize;
    if (padding > 0 && (await this.read(padding)) === undefined) throw new TarError("the archive is truncated");
  }

  async #some(limit: number): Promise<Buffer | undefined> {
    while (this.#pending.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      this.#pending = next.value;
    }
    const chunk = this.#pending.subarray(0, limit);
    this.#pending = this.#pending.subarray(chunk.length);
    return chunk;
  }
}
