import { hashBytes } from "../../formats/pairs/hash.ts";
import { readAddress } from "../../formats/pairs/ipv4.ts";
import { parsePairs } from "../../formats/pairs/parse-pairs.ts";
import { parseContentType } from "../../job/content-type.ts";
import { RequestError } from "../../job/errors.ts";
import { instancesOf, parseJson, parseLines } from "../../job/serving/json-instances.ts";
import { mediaType } from "../../job/serving/media-types.ts";

const spoken = [mediaType.csv, mediaType.json, mediaType.jsonLines].join(", ");

/**
 * Reads the pairs of a request.
 * @returns Two numbers for each pair: the hash of its entity, and its address.
 * @throws RequestError 415 for a type that is not spoken here, 400 naming what is no pair.
 */
export function readPairs(contentType: string | undefined, body: Buffer): Uint32Array {
  const { type } = parseContentType(contentType ?? "");
  switch (type) {
    case mediaType.csv:
      return readCsv(body);
    case mediaType.json:
      return readInstances(instancesOf(parseJson(body.toString("utf8"), "The body")));
    case mediaType.jsonLines:
      return readInstances(parseLines(body.toString("utf8")));
    default: {
      const got =
        contentType === undefined ? "No Content-Type was given" : `Content-Type '${contentType}' is not supported`;
      throw new RequestError(415, `${got}: expected one of ${spoken}.`);
    }
  }
}

function readCsv(body: Buffer): Uint32Array {
  // The shortest row is `a,1.1.1.1` and the end of its line.
  const target = new Uint32Array(2 * (Math.ceil(body.length / 10) + 1));
  const { rows, fault } = parsePairs(body, 0, body.length, target);
  if (fault !== undefined) {
    throw new RequestError(400, `Row ${rows + 1}: ${fault.problem.replace(" (training files have no header)", "")}.`);
  }
  if (rows === 0) throw new RequestError(400, "The body has no rows.");
  return target.subarray(0, 2 * rows);
}

function readInstances(instances: readonly unknown[]): Uint32Array {
  const pairs = new Uint32Array(2 * instances.length);
  for (const [i, instance] of instances.entries()) {
    const [entity, address] = featuresOf(instance, i);
    const name = Buffer.from(entity);
    const text = Buffer.from(address);
    const ip = readAddress(text, 0, text.length);
    if (ip === undefined) {
      throw new RequestError(
        400,
        `Instance ${i + 1}: '${address.slice(0, 40)}' is not an IPv4 address in dotted form.`,
      );
    }
    pairs[2 * i] = hashBytes(name, 0, name.length);
    pairs[2 * i + 1] = ip;
  }
  return pairs;
}

/** Either spelling: `{"features":["a","1.1.1.1"]}` or `{"data":{"features":{"values":["a","1.1.1.1"]}}}`. */
function featuresOf(instance: unknown, i: number): readonly [string, string] {
  const { features, data } = (instance ?? {}) as { features?: unknown; data?: { features?: unknown } | null };
  const found = features ?? data?.features;
  const values = Array.isArray(found) ? found : (found as { values?: unknown } | null | undefined)?.values;
  if (Array.isArray(values) && values.length === 2 && values.every((value) => typeof value === "string")) {
    const [entity = "", address = ""] = values as string[];
    return [entity.trim(), address.trim()];
  }
  throw new RequestError(
    400,
    `Instance ${i + 1} must have two strings as its "features": an entity and an IPv4 address.`,
  );
}
