import { closeSync, openSync, readSync } from "node:fs";
import { CustomerError } from "../../job/errors.ts";
import type { SourceFile } from "../source-file.ts";
import { frameMagic } from "./record.ts";

/** The payload of one frame: a range of bytes that is valid until the next frame is asked for. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  /** Of the file or body, for messages. */
  readonly name: string;
  /** Of the frame in it, from 1. */
  readonly number: number;
}

/**
 * Walks the frames of a body.
 * @param first - Number of the first frame, where the bytes are not the beginning.
 * @throws CustomerError naming the record where the bytes are no frame or are cut off.
 */
export function* framesIn(bytes: Uint8Array, name: string, first = 1): Generator<Payload> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let number = first;
  for (let at = 0; at < bytes.length; number++) {
    const end = at + 8 + payloadLength(view, at, bytes.length - at, { name, number });
    yield { bytes, at: at + 8, end, name, number };
    at = afterPadding(end);
  }
}

/** Whether the first file that is not empty begins with a frame. */
export function isRecordIo(files: readonly SourceFile[]): boolean {
  const first = files.find(({ sizeBytes }) => sizeBytes > 0);
  if (first === undefined || first.sizeBytes < 8) return false;
  const descriptor = openSync(first.path, "r");
  try {
    return readRange(descriptor, 0, 4, first.name).readUInt32LE(0) === frameMagic;
  } finally {
    closeSync(descriptor);
  }
}

/** Read at a time; a longer frame is read whole. */
const windowBytes = 4 * 1024 * 1024;

/** Walks the frames of a file, of which it holds one window at a time. */
export function* framesInFile({ path, name, sizeBytes }: SourceFile): Generator<Payload> {
  const descriptor = openSync(path, "r");
  try {
    let window: Buffer = Buffer.alloc(0);
    let view = new DataView(window.buffer);
    let start = 0; // of the window in the file
    const cover = (from: number, length: number) => {
      if (from + length <= start + window.length) return;
      window = readRange(descriptor, from, Math.min(sizeBytes - from, Math.max(length, windowBytes)), name);
      view = new DataView(window.buffer, window.byteOffset, window.length);
      start = from;
    };
    let number = 1;
    for (let at = 0; at < sizeBytes; number++) {
      cover(at, Math.min(8, sizeBytes - at));
      const length = payloadLength(view, at - start, sizeBytes - at, { name, number });
      cover(at, 8 + length);
      yield { bytes: window, at: at - start + 8, end: at - start + 8 + length, name, number };
      at = afterPadding(at + 8 + length);
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Consecutive whole frames of a file. */
export interface FrameRange {
  readonly begin: number;
  readonly end: number;
  /** Number of the first one, from 1. */
  readonly firstRecord: number;
}

/**
 * Cuts a file into ranges of at least `bytes`, where there are as many, by a walk over the frames' heads.
 * @throws CustomerError naming the record where the bytes are no frame or are cut off.
 */
export function* frameRanges({ path, name, sizeBytes }: SourceFile, bytes: number): Generator<FrameRange> {
  const descriptor = openSync(path, "r");
  try {
    const window = Buffer.allocUnsafeSlow(Math.min(windowBytes, sizeBytes));
    const view = new DataView(window.buffer);
    let start = 0; // of the window in the file
    let filled = 0;
    let begin = 0;
    let firstRecord = 1;
    let number = 1;
    let at = 0;
    for (; at < sizeBytes; number++) {
      if (at - begin >= bytes) {
        yield { begin, end: at, firstRecord };
        begin = at;
        firstRecord = number;
      }
      if (at + Math.min(8, sizeBytes - at) > start + filled) {
        filled = Math.min(window.length, sizeBytes - at);
        fill(window.subarray(0, filled), descriptor, at, name);
        start = at;
      }
      at = afterPadding(at + 8 + payloadLength(view, at - start, sizeBytes - at, { name, number }));
    }
    if (sizeBytes > begin) yield { begin, end: sizeBytes, firstRecord };
  } finally {
    closeSync(descriptor);
  }
}

function payloadLength(
  view: DataView,
  at: number,
  available: number,
  frame: { readonly name: string; readonly number: number },
): number {
  if (available >= 8 && view.getUint32(at, true) === frameMagic) {
    const length = view.getUint32(at + 4, true);
    if (length <= available - 8) return length;
  }
  throw frameFault(view, at, available, `${frame.name}, record ${frame.number}`);
}

function frameFault(view: DataView, at: number, available: number, what: string): CustomerError {
  if (available < 8) return new CustomerError(`${what}: the frame is cut off after ${available} of its first 8 bytes.`);
  const magic = view.getUint32(at, true);
  if (magic !== frameMagic) {
    return new CustomerError(
      `${what}: expected a RecordIO frame (0x${frameMagic.toString(16)}), found 0x${magic.toString(16).padStart(8, "0")}.`,
    );
  }
  const length = view.getUint32(at + 4, true);
  // The top three bits mark records split over frames in MXNet's files; the protobuf form never has them.
  return new CustomerError(`${what}: the frame is cut off: it has ${available - 8} of its ${length} bytes.`);
}

function afterPadding(at: number): number {
  return Math.ceil(at / 4) * 4;
}

function readRange(descriptor: number, from: number, length: number, name: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  fill(bytes, descriptor, from, name);
  return bytes;
}

function fill(target: Buffer, descriptor: number, from: number, name: string): void {
  for (let got = 0; got < target.length; ) {
    const more = readSync(descriptor, target, got, target.length - got, from + got);
    if (more === 0) throw new CustomerError(`${name} became shorter while it was read.`);
    got += more;
  }
}
