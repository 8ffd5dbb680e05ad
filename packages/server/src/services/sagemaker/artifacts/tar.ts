import type { TreeFile } from "./safe-tree.ts";

const blockBytes = 512;
/** Largest number that an octal size field of 11 digits holds. */
const maxOctalSize = 8 ** 11 - 1;

/**
 * Writes files as a POSIX.1-2001 (pax) tar stream. Names that the old header cannot hold and files of 8 GiB and more
 * get a pax header. A file that shrinks while it is read is padded with zeros, one that grows is cut, so that the
 * archive is whole either way.
 */
export async function* tarStream(files: AsyncIterable<TreeFile>): AsyncGenerator<Buffer> {
  const folders = new Set<string>();
  for await (const file of files) {
    yield* folderHeaders(file, folders);
    yield* fileHeader(file);
    yield* fileBody(file);
  }
  yield Buffer.alloc(2 * blockBytes);
}

/** Parent folders that were not written yet, outermost first. */
function* folderHeaders(file: TreeFile, written: Set<string>): Generator<Buffer> {
  const segments = file.path.split("/").slice(0, -1);
  for (let depth = 1; depth <= segments.length; depth++) {
    const path = `${segments.slice(0, depth).join("/")}/`;
    if (written.has(path)) continue;
    written.add(path);
    yield* header({ path, sizeBytes: 0, mode: 0o755, modifiedAt: file.modifiedAt, type: "5" });
  }
}

function fileHeader(file: TreeFile): Generator<Buffer> {
  return header({
    path: file.path,
    sizeBytes: file.sizeBytes,
    mode: file.mode,
    modifiedAt: file.modifiedAt,
    type: "0",
  });
}

async function* fileBody(file: TreeFile): AsyncGenerator<Buffer> {
  let left = file.sizeBytes;
  if (left > 0) {
    const handle = await file.open();
    // Closes the handle at its end.
    for await (const chunk of handle.createReadStream({ highWaterMark: 256 * 1024, start: 0, end: left - 1 })) {
      left -= (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    while (left > 0) {
      const zeros = Buffer.alloc(Math.min(left, 256 * 1024));
      left -= zeros.length;
      yield zeros;
    }
  }
  const over = file.sizeBytes % blockBytes;
  if (over) yield Buffer.alloc(blockBytes - over);
}

interface Entry {
  readonly path: string;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly modifiedAt: number;
  readonly type: "0" | "5" | "x";
}

function* header(entry: Entry): Generator<Buffer> {
  const pax: Record<string, string> = {};
  if (Buffer.byteLength(entry.path) > 100 || /[^\x20-\x7e]/.test(entry.path)) pax["path"] = entry.path;
  if (entry.sizeBytes > maxOctalSize) pax["size"] = String(entry.sizeBytes);
  if (Object.keys(pax).length > 0) {
    const body = Buffer.concat(Object.entries(pax).map(([key, value]) => paxRecord(key, value)));
    yield block({ path: "././@PaxHeader", sizeBytes: body.length, mode: 0o644, modifiedAt: 0, type: "x" });
    yield Buffer.concat([body, Buffer.alloc((blockBytes - (body.length % blockBytes)) % blockBytes)]);
  }
  yield block(entry);
}

/** `LENGTH KEY=VALUE\n`, where LENGTH counts its own digits too. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

/** One ustar header block. Owner and group are 0, as in archives that SageMaker makes. */
function block(entry: Entry): Buffer {
  const out = Buffer.alloc(blockBytes);
  Buffer.from(entry.path).copy(out, 0, 0, 100);
  octal(out, 100, 8, entry.mode);
  octal(out, 108, 8, 0);
  octal(out, 116, 8, 0);
  octal(out, 124, 12, Math.min(entry.sizeBytes, maxOctalSize));
  octal(out, 136, 12, Math.max(0, Math.trunc(entry.modifiedAt / 1000)));
  out.write("        ", 148, "latin1");
  out.write(entry.type, 156, "latin1");
  out.write("ustar\u000000root", 257, "latin1");
  out.write("root", 297, "latin1");
  let sum = 0;
  for (const byte of out) sum += byte;
  out.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return out;
}

function octal(out: Buffer, at: number, width: number, value: number): void {
  out.write(`${value.toString(8).padStart(width - 1, "0")}\0`, at, "latin1");
}
