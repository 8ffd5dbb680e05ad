import { invariant } from "../../errors.ts";

// oxlint-disable-next-line no-control-regex -- a line break would begin another field, or another request
const unfit = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * Request line and fields of a POST.
 * @param headers - Names and values in turn; one character a byte, as Node reads them.
 */
export function postHead(path: string, headers: readonly string[], bodyBytes: number): string {
  let head = `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const value = headers[i + 1] as string;
    invariant(!unfit.test(value), "a header's value holds no control characters");
    head += `${headers[i]}: ${value}\r\n`;
  }
  return `${head}content-length: ${bodyBytes}\r\n\r\n`;
}
