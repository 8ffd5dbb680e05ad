import { expect, test } from "vitest";
import { parseQuery } from "./encode.ts";
import { type ClaimV2, claimV2, isSignedV2 } from "./presigned-v2.ts";

const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

function holds(method: string, address: string, headers: Record<string, string> = {}): boolean {
  const url = new URL(address);
  const query = parseQuery(url.search.slice(1));
  const bucket = url.hostname.endsWith(".localhost") ? url.hostname.split(".")[0] : undefined;
  return isSignedV2(secret, claimV2(query) as ClaimV2, { method, path: url.pathname, query, headers, bucket });
}

// Made by botocore 1.44.5 (generate_presigned_url, region us-east-1, no signature_version) with the clock at 1767225600.
const key =
  "http://127.0.0.1:9310/bucket/a%20b/%C3%A9%2B%27%21.csv?response-content-type=text%2Fcsv&versionId=v1&AWSAccessKeyId=AKIDEXAMPLE&Signature=JUNZ8mgop4jNrRT3Ufb9tdCa39k%3D&Expires=1767226200";
const put =
  "http://127.0.0.1:9310/bucket/k?AWSAccessKeyId=AKIDEXAMPLE&Signature=gjikvEKqIzGZKDK4fj3deg%2Bt5TY%3D&content-type=text%2Fplain&x-amz-meta-colour=red&Expires=1767226200";
const virtual =
  "http://bucket.localhost:9310/k?AWSAccessKeyId=AKIDEXAMPLE&Signature=Y3glcfiOS%2FgOWGcEqbN8XMdq5sY%3D&Expires=1767226200";
const token =
  "http://127.0.0.1:9310/bucket/k?AWSAccessKeyId=AKIDEXAMPLE&Signature=YSOl0bgsA2W2qP%2FgNZ7ELiW79Qo%3D&x-amz-security-token=TOKEN%2F%2B%3D&Expires=1767226200";

test.for<[string, string, string, Record<string, string>]>([
  ["a GET of an odd key with response headers and a version", "GET", key, {}],
  ["a PUT that carries its headers in the query", "PUT", put, {}],
  ["the same with the headers sent", "PUT", put, { "content-type": "text/plain", "x-amz-meta-colour": "red" }],
  ["a virtual host", "GET", virtual, {}],
  ["a session's token", "GET", token, {}],
])("boto3's own address holds: %s", ([, method, address, headers]) => {
  expect(holds(method, address, headers)).toBe(true);
});

test.for<[string, string, string, Record<string, string>]>([
  ["method", "DELETE", key, {}],
  ["key", "GET", key.replace(".csv", ".tsv"), {}],
  ["version", "GET", key.replace("versionId=v1", "versionId=v2"), {}],
  ["expiry", "GET", key.replace("1767226200", "1767226201"), {}],
  ["metadata", "PUT", put, { "x-amz-meta-colour": "blue" }],
  ["content type", "PUT", put, { "content-type": "text/html" }],
])("a changed %s is refused", ([, method, address, headers]) => {
  expect(holds(method, address, headers)).toBe(false);
});
