import { wire } from "./record.ts";

/** The bytes are not a protocol buffers message. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

/** Reads protocol buffers' wire format from a range of bytes. */
export class WireReader {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
  /** Of the field that `next` came to. */
  field = 0;
  wireType = 0;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Moves to the next field. @returns false at the end. */
  next(): boolean {
    if (this.at >= this.end) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (this.field === 0) throw new MalformedMessage("field number 0");
    return true;
  }

  /** An unsigned number; exact up to 2^53. Negative int32 values, ten bytes long, come out near 2^64. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw new MalformedMessage("a number is cut off");
      const byte = this.bytes[this.at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (i === 9 && byte > 1) throw new MalformedMessage("a number is larger than 64 bits");
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MalformedMessage("a number is longer than ten bytes");
  }

  /** A signed 32-bit number, of which the low 32 bits count. */
  int32(): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      if (this.at >= this.end) throw new MalformedMessage("a number is cut off");
      const byte = this.bytes[this.at++] ?? 0;
      if (i < 5) value |= (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    throw new MalformedMessage("a number is longer than ten bytes");
  }

  /** The range of a length-delimited field, which is stepped over. */
  delimited(): WireReader {
    if (this.wireType !== wire.delimited) throw new MalformedMessage(`field ${this.field} is not length-delimited`);
    const length = this.varint();
    const at = this.at;
    if (length > this.end - at) throw new MalformedMessage(`field ${this.field} reaches past the end of its message`);
    this.at = at + length;
    return new WireReader(this.bytes, at, this.at);
  }

  text(): string {
    const { at, end } = this.delimited();
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + at, end - at).toString("utf8");
  }

  /** Steps over the field, whatever it is: newer writers may add some. */
  skip(): void {
    switch (this.wireType) {
      case wire.varint:
        this.varint();
        return;
      case wire.fixed64:
        this.advance(8);
        return;
      case wire.delimited:
        this.delimited();
        return;
      case wire.fixed32:
        this.advance(4);
        return;
      default:
        throw new MalformedMessage(`wire type ${this.wireType}`);
    }
  }

  advance(bytes: number): void {
    if (this.at + bytes > this.end) throw new MalformedMessage("a number is cut off");
    this.at += bytes;
  }
}
