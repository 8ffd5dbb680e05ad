const [dot, zero] = [0x2e, 0x30];

/** Reads an IPv4 address in dotted form: four numbers from 0 to 255. @returns undefined where it is something else. */
export function readAddress(bytes: Uint8Array, begin: number, end: number): number | undefined {
  let address = 0;
  let at = begin;
  for (let part = 0; part < 4; part++) {
    const first = at;
    let octet = 0;
    for (; at < end && at < first + 3; at++) {
      const digit = (bytes[at] as number) - zero;
      if (digit < 0 || digit > 9) break;
      octet = octet * 10 + digit;
    }
    if (at === first || octet > 255) return undefined;
    address = address * 256 + octet;
    if (part === 3) break;
    if (at >= end || bytes[at] !== dot) return undefined;
    at++;
  }
  return at === end ? address : undefined;
}
