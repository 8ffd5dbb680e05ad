import { crc32, inflateRawSync } from "node:zlib";

/** A file of an archive. */
export interface ZipEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
/** 1 January 1980, the format's first day: archives of equal content are equal bytes. */
const DOS_DATE = 0x0021;

/** Writes a ZIP archive with every file stored uncompressed (weights do not compress, and model.tar.gz tries anyway). */
export function writeZip(entries: readonly ZipEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes } of entries) {
    const label = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version needed
    common.writeUInt16LE(DOS_DATE, 8);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(bytes.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(label.length, 22);
    const local = Buffer.concat([number32(LOCAL), common, label]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([number32(CENTRAL), number16(20), common, rest, label]));
    parts.push(local, bytes);
    offset += local.length + bytes.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...parts, central, number32(END), end]);
}

/** Reads a ZIP archive of stored or deflated files, without ZIP64. @throws Error when it is not one. */
export function readZip(archive: Buffer): Map<string, Uint8Array> {
  const end = archive.lastIndexOf(number32(END));
  if (end < 0) throw new Error("not a ZIP archive: it has no central directory");
  const count = archive.readUInt16LE(end + 10);
  const entries = new Map<string, Uint8Array>();
  let at = archive.readUInt32LE(end + 16);
  for (let i = 0; i < count; i++) {
    if (archive.readUInt32LE(at) !== CENTRAL) throw new Error("not a ZIP archive: its central directory is damaged");
    const nameLength = archive.readUInt16LE(at + 28);
    const name = archive.toString("utf8", at + 46, at + 46 + nameLength);
    entries.set(name, readEntry(archive, at, name));
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return entries;
}

function readEntry(archive: Buffer, at: number, name: string): Uint8Array {
  const method = archive.readUInt16LE(at + 10);
  const length = archive.readUInt32LE(at + 20);
  const local = archive.readUInt32LE(at + 42);
  const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
  const stored = archive.subarray(start, start + length);
  if (method !== 0 && method !== 8)
    throw new Error(`${name} is compressed by method ${method}; only stored and deflated files can be read`);
  const bytes = method === 0 ? stored : inflateRawSync(stored);
  if (crc32(bytes) !== archive.readUInt32LE(at + 16)) throw new Error(`${name} is damaged: its checksum differs`);
  return bytes;
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function number16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
