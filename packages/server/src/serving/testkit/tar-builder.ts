import { gzipSync } from "node:zlib";

/** One member to write. Nothing is checked: broken and hostile archives are what it is for. */
export interface TarMember {
  readonly path: string;
  /** `0` file, `5` folder, `2` symbolic link, `1` hard link, `3` device. */
  readonly flag?: string;
  readonly content?: string | Buffer;
  readonly linkTo?: string;
  /** Instead of the content's length. */
  readonly size?: number;
  readonly mode?: number;
}

/** A ustar archive of the members with its end mark. */
export function tarOf(members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map(memberBytes), Buffer.alloc(1024)]);
}

/** The same, compressed: what a model artifact is. */
export function tarGzOf(members: readonly TarMember[]): Buffer {
  return gzipSync(tarOf(members));
}

function memberBytes(member: TarMember): Buffer {
  const content = Buffer.from(member.content ?? "");
  const header = Buffer.alloc(512);
  header.write(member.path, 0, 100);
  header.write(octal(member.mode ?? 0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(member.size ?? content.length, 11), 124);
  header.write(octal(0, 11), 136);
  header.write(" ".repeat(8), 148);
  header.write(member.flag ?? "0", 156);
  header.write(member.linkTo ?? "", 157, 100);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, content, padding]);
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
