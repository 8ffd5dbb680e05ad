import { createHmac, createSecretKey } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hmacSha256 } from "./hmac.ts";

test("is the HMAC that Node computes, for any key and text, however often and in whatever order", () => {
  const keys = fc.uint8Array({ minLength: 1, maxLength: 100 });
  const texts = fc.array(fc.string({ unit: "binary", maxLength: 600 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(keys, texts, (bytes, several) => {
      const key = createSecretKey(bytes);
      for (const text of several)
        expect(hmacSha256(key, text)).toBe(createHmac("sha256", key).update(text).digest("hex"));
    }),
    { numRuns: 300 },
  );
});
