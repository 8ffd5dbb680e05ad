import { GetObjectCommand, PutObjectCommand, paginateListObjectsV2, type S3Client } from "@aws-sdk/client-s3";
import { ConfigurationError } from "../../configuration.ts";
import { parseS3Uri } from "../../objects/object-catalogue.ts";

/** Bucket and prefix of an address that a user gave. @throws ConfigurationError naming it. */
export function placeOf(uri: string): { readonly bucket: string; readonly prefix: string } {
  const place = parseS3Uri(uri);
  if (place === undefined) throw new ConfigurationError(`${uri} is not an S3 address (s3://bucket/prefix).`);
  return { bucket: place.bucket, prefix: place.key.replace(/\/+$/u, "") };
}

/** An hour's folder, as captures and ground truth have them. */
const hourOf = /\/(\d{4})\/(\d\d)\/(\d\d)\/(\d\d)\/[^/]+$/u;

/**
 * Every line of every object below a folder, one at a time: there may be more than fit in memory.
 * @param from - Milliseconds since 1970: folders of hours that were over before are left out.
 */
export async function* linesBelow(s3: S3Client, bucket: string, folder: string, from: number): AsyncGenerator<string> {
  const pages = paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: folder === "" ? "" : `${folder}/` });
  for await (const { Contents = [] } of pages) {
    for (const { Key = "" } of Contents) {
      const [, year, month, day, hour] = hourOf.exec(Key) ?? [];
      if (year !== undefined && Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour) + 1) <= from)
        continue;
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
      yield* linesOf(Body as AsyncIterable<Uint8Array>);
    }
  }
}

/** Lines with something in them. An object that breaks off is an error, not a short one. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}

/** Writes a text. */
export async function putText(s3: S3Client, bucket: string, key: string, text: string, type: string): Promise<void> {
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: type }));
}
