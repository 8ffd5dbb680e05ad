import { crc32 } from "node:zlib";

/**
 * One message of AWS's event streams (application/vnd.amazon.eventstream): total and header length and their CRC-32,
 * headers of type 7 (text), the payload, and the CRC-32 of all that; numbers are big-endian.
 *
 * @param headers - Names up to 255 bytes, values up to 65,535.
 */
export function eventMessage(headers: Readonly<Record<string, string>>, payload: Uint8Array): Buffer {
  const fields = Object.entries(headers).map(([name, value]) => {
    const [nameBytes, valueBytes] = [Buffer.from(name), Buffer.from(value)];
    const field = Buffer.allocUnsafe(1 + nameBytes.length + 3 + valueBytes.length);
    field.writeUInt8(nameBytes.length, 0);
    nameBytes.copy(field, 1);
    field.writeUInt8(textType, 1 + nameBytes.length);
    field.writeUInt16BE(valueBytes.length, 2 + nameBytes.length);
    valueBytes.copy(field, 4 + nameBytes.length);
    return field;
  });
  const headerLength = fields.reduce((sum, { length }) => sum + length, 0);
  const message = Buffer.allocUnsafe(preludeBytes + headerLength + payload.length + crcBytes);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(headerLength, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  let at = preludeBytes;
  for (const field of fields) at += field.copy(message, at);
  message.set(payload, at);
  message.writeUInt32BE(crc32(message.subarray(0, message.length - crcBytes)), message.length - crcBytes);
  return message;
}

/** An event of a stream whose member it is, with bytes as they are. */
export function bytesEvent(type: string, bytes: Uint8Array): Buffer {
  const headers = { ":message-type": "event", ":event-type": type, ":content-type": "application/octet-stream" };
  return eventMessage(headers, bytes);
}

/** What ends a stream that cannot go on. */
export function exceptionEvent(type: string, members: Readonly<Record<string, string>>): Buffer {
  const headers = { ":message-type": "exception", ":exception-type": type, ":content-type": "application/json" };
  return eventMessage(headers, Buffer.from(JSON.stringify(members)));
}

const textType = 7;
const preludeBytes = 12;
const crcBytes = 4;
