import { readDeliveryPolicy } from "../delivery/retry-policy.ts";
import { invalidParameter } from "../errors.ts";

const maxDisplayName = 100;
const maxPolicyBytes = 30 * 1024;

/** What each attribute of a topic may be. */
const checks: Readonly<Record<string, (value: string) => void>> = {
  DisplayName(value) {
    if (value.length > maxDisplayName)
      throw invalidAttribute("DisplayName", `it has more than ${maxDisplayName} characters`);
  },
  // Kept and shown. Roles carry no policies here yet, and neither does anything else.
  Policy(value) {
    if (Buffer.byteLength(value) > maxPolicyBytes) throw invalidAttribute("Policy", "it has more than 30 KiB");
    try {
      JSON.parse(value);
    } catch {
      throw invalidAttribute("Policy", "it is not JSON");
    }
  },
  DeliveryPolicy(value) {
    readDeliveryPolicy(value, "topic");
  },
  SignatureVersion(value) {
    if (value !== "1" && value !== "2") throw invalidAttribute("SignatureVersion", "it must be 1 or 2");
  },
  FifoTopic(value) {
    if (value !== "false") throw invalidAttribute("FifoTopic", "FIFO topics are not supported by this version");
  },
};

/** @throws ServiceError InvalidParameter that names the attribute. */
export function checkTopicAttribute(name: string, value: string): void {
  const check = checks[name];
  if (check === undefined) throw invalidParameter(`AttributeName Reason: ${name} is not supported by this version`);
  check(value);
}

/** @throws ServiceError InvalidParameter for the first attribute that is wrong. */
export function checkTopicAttributes(attributes: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(attributes)) checkTopicAttribute(name, value);
}

function invalidAttribute(name: string, reason: string): Error {
  return invalidParameter(`Attributes Reason: ${name}: ${reason}`);
}
