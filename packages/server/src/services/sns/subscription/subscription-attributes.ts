import { readDeliveryPolicy } from "../delivery/retry-policy.ts";
import { invalidParameter } from "../errors.ts";

/** @throws ServiceError InvalidParameter that names the attribute. */
export function checkSubscriptionAttribute(name: string, value: string): void {
  switch (name) {
    case "RawMessageDelivery":
      if (/^(?:true|false)$/iu.test(value)) return;
      throw invalidParameter("Attributes Reason: RawMessageDelivery: it must be true or false");
    case "DeliveryPolicy":
      readDeliveryPolicy(value, "subscription");
      return;
    default:
      throw invalidParameter(`AttributeName Reason: ${name} is not supported by this version`);
  }
}

/** @throws ServiceError InvalidParameter for the first attribute that is wrong. */
export function checkSubscriptionAttributes(attributes: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(attributes)) checkSubscriptionAttribute(name, value);
}

/** Whether messages go out as they are, without SNS's envelope. */
export function isRaw(attributes: Readonly<Record<string, string>>): boolean {
  return attributes["RawMessageDelivery"]?.toLowerCase() === "true";
}
