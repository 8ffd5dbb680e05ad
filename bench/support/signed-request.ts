import { createHash, createHmac } from "node:crypto";
import type { PlatformProcess } from "./platform.ts";

/** The bytes of one signed InvokeEndpoint with a body of CSV. Good for 15 minutes; made anew for each burst. */
export function signedRequest(
  { url, credentials }: PlatformProcess,
  path: string,
  body: string,
  accept = "application/json",
): Buffer {
  const date = new Date().toISOString().replaceAll(/[-:]|\.\d{3}/gu, "");
  const scope = `${date.slice(0, 8)}/us-east-1/sagemaker/aws4_request`;
  const headers: [string, string][] = [
    ["accept", accept],
    ["content-length", String(Buffer.byteLength(body))],
    ["content-type", "text/csv"],
    ["host", new URL(url).host],
    ["user-agent", "bench"],
    ["x-amz-content-sha256", sha256(body)],
    ["x-amz-date", date],
  ];
  const signed = headers.filter(([name]) => name !== "user-agent" && name !== "content-length");
  const names = signed.map(([name]) => name).join(";");
  const lines = signed.map(([name, value]) => `${name}:${value}\n`).join("");
  const canonical = ["POST", path, "", lines, names, sha256(body)].join("\n");
  const text = ["AWS4-HMAC-SHA256", date, scope, sha256(canonical)].join("\n");
  const steps = [...scope.split("/"), text];
  const signature = steps.reduce<Buffer | string>(hmac, `AWS4${credentials.secretAccessKey}`) as Buffer;
  const claim = `Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature.toString("hex")}`;
  headers.push(["authorization", `AWS4-HMAC-SHA256 ${claim}`]);
  const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${head}\r\n${body}`);
}

function hmac(key: Buffer | string, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
