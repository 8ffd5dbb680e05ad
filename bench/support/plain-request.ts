/** The bytes of one unsigned POST. @param host - `127.0.0.1:PORT` */
export function plainRequest(host: string, path: string, contentType: string, body: string): Buffer {
  const headers = { host, "content-type": contentType, "content-length": String(Buffer.byteLength(body)) };
  const lines = Object.entries({ ...headers, accept: "*/*" }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
}
