import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LocalKeys } from "./local-keys.ts";
import { readMasterKey } from "./master-key.ts";

const scope = { account: "111122223333", region: "us-west-2" };
const id = "1234abcd-12ab-34cd-56ef-1234567890ab";
const arn = `arn:aws:kms:us-west-2:111122223333:key/${id}`;
const context = { "aws:s3:arn": "arn:aws:s3:::bucket/key" };
const hex = "a1".repeat(32);
const keys = new LocalKeys(readMasterKey({ text: hex }));

test.for<[string, string]>([
  ["an id", id],
  ["an id in capitals", id.toUpperCase()],
  ["a key ARN", arn],
])("%s names a key", ([, name]) => {
  expect(keys.key(name, scope)).toEqual({ arn, account: scope.account });
});

test("an alias and its ARN name one key, which is another alias's neither nor another region's", () => {
  const { arn: mine } = keys.key("alias/mine", scope);
  expect(mine).toMatch(/^arn:aws:kms:us-west-2:111122223333:key\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(keys.key("arn:aws:kms:us-west-2:111122223333:alias/mine", scope).arn).toBe(mine);
  expect(keys.key(mine, scope).arn).toBe(mine);
  expect(keys.key("alias/other", scope).arn).not.toBe(mine);
  expect(keys.key("arn:aws:kms:eu-west-1:111122223333:alias/mine", scope).arn.split("/")[1]).not.toBe(
    mine.split("/")[1],
  );
});

test.for(["", "k", "alias/", "key/x", "arn:aws:kms:us-west-2:111122223333:key/k", "arn:aws:s3:::bucket"])(
  "%j names no key",
  (name) => {
    expect(() => keys.key(name, scope)).toThrow(expect.objectContaining({ code: "KMS.NotFoundException" }));
  },
);

test("a key of another account is refused", () => {
  expect(() => keys.key(arn, { ...scope, account: "999988887777" })).toThrow(/another account/);
});

test("data keys open under the same master key and context only; every bit counts", () => {
  const { plaintext, wrapped } = keys.generateDataKey(keys.key(arn, scope), context);
  expect(plaintext).toHaveLength(32);
  expect(wrapped.includes(plaintext)).toBe(false);
  expect(
    new LocalKeys(readMasterKey({ text: Buffer.from(hex, "hex").toString("base64") })).decrypt(wrapped, context),
  ).toEqual({ key: { arn, account: scope.account }, plaintext });
  const invalid = expect.objectContaining({ code: "KMS.InvalidCiphertextException" });
  expect(() => keys.decrypt(wrapped, {})).toThrow(invalid);
  expect(() => keys.decrypt(wrapped.subarray(0, -1), context)).toThrow(invalid);
  expect(() => keys.decrypt(Buffer.alloc(3), context)).toThrow(invalid);
  for (let at = 0; at < wrapped.length; at++) {
    const changed = Buffer.from(wrapped);
    changed[at] = (changed[at] as number) ^ 1;
    expect(() => keys.decrypt(changed, context)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^KMS\./) }),
    );
  }
  const other = new LocalKeys(readMasterKey({ text: "b2".repeat(32) }));
  expect(() => other.decrypt(wrapped, context)).toThrow(/another master key/);
  expect(() => new LocalKeys(undefined).decrypt(wrapped, context)).toThrow(/--kms-master-key-file/);
});

test("the order of a context's pairs does not matter", () => {
  const wrapped = keys.encrypt(keys.key(arn, scope), Buffer.from("x"), { a: "1", b: "2" });
  expect(keys.decrypt(wrapped, { b: "2", a: "1" }).plaintext.toString()).toBe("x");
});

test("a master key that cannot be used is refused, and never shown", async ({ onTestFinished }) => {
  const folder = await mkdtemp(join(tmpdir(), "sagebrush-kms-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "key");
  expect(() => readMasterKey({ file })).toThrow(/cannot be read/);
  await writeFile(file, `${hex}\n`, { mode: 0o600 });
  expect(readMasterKey({ file })?.fingerprint).toEqual(readMasterKey({ text: hex })?.fingerprint);
  await chmod(file, 0o644);
  expect(() => readMasterKey({ file })).toThrow(/chmod 600/);
  expect(() => readMasterKey({ file, text: hex })).toThrow(/drop one/);
  expect(() => readMasterKey({ text: "s3cret" })).toThrow(/openssl rand/);
  expect(() => readMasterKey({ text: "s3cret" })).not.toThrow(/s3cret/);
  expect(readMasterKey({})).toBeUndefined();
});
