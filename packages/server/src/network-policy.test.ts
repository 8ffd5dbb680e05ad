import { expect, test } from "vitest";
import { networkPolicy } from "./network-policy.ts";

const everything = ["public", "private", "loopback"];

test.for<[string, readonly string[], boolean]>([
  ["93.184.215.14", ["public"], true],
  ["93.184.215.14", ["private", "loopback"], false],
  ["2606:4700::1111", ["public"], true],
  ["10.1.2.3", ["public"], false],
  ["10.1.2.3", ["private"], true],
  ["172.31.255.255", ["private"], true],
  ["172.32.0.1", ["private"], false],
  ["fd00::1", ["public"], false],
  ["fd00::1", ["private"], true],
  ["127.8.8.8", ["public", "private"], false],
  ["127.8.8.8", ["loopback"], true],
  ["::1", ["public", "private"], false],
  ["::ffff:127.0.0.1", ["public", "private"], false],
  ["::ffff:7f00:1", ["public", "private"], false],
  ["::ffff:10.0.0.1", ["private"], true],
  ["169.254.169.254", everything, false],
  ["::ffff:169.254.169.254", everything, false],
  ["fe80::1", everything, false],
  ["0.0.0.0", everything, false],
  ["::", everything, false],
  ["224.0.0.1", everything, false],
  ["255.255.255.255", everything, false],
  ["64:ff9b::7f00:1", everything, false],
  ["2002:7f00:1::", everything, false],
  ["169.254.1.1", ["169.254.1.0/24"], true],
  ["169.254.2.1", ["169.254.1.0/24"], false],
  ["10.1.2.3", ["10.1.2.3"], true],
  ["10.1.2.4", ["10.1.2.3"], false],
  ["fd00:1::5", ["fd00:1::/32"], true],
])("%s with %s: %s", ([address, allowed, wanted]) => expect(networkPolicy(allowed).allows(address)).toBe(wanted));

test.for(["internal", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "::/129"])("%s is no network", (text) =>
  expect(() => networkPolicy([text])).toThrow(`not "${text}"`),
);
