import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../../clock.ts";
import { ServiceError } from "../../errors.ts";
import { type Store, WriteConflict } from "../../store/store.ts";
import type { Signer } from "./signing/signer.ts";
import { confirm } from "./subscription/confirm.ts";
import type { SubscriptionValue } from "./subscription/subscription-record.ts";
import { parseSubscriptionArn, parseTopicArn, subscriptionKey } from "./topic-name.ts";

/** What the page works with. */
export interface SnsPageParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly signer: () => Promise<Signer>;
}

/**
 * `/_sagebrush/sns/...`, for subscribers, who have no credentials: what they need to know is in the addresses that they were
 * sent. `confirm?TopicArn&Token` and `unsubscribe?SubscriptionArn` answer as the operations do; the certificate that
 * messages are signed with is beside them.
 */
export function snsPage(parts: SnsPageParts) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    answer(parts, request).then(
      ({ type, body }) => response.writeHead(200, { "content-type": type }).end(body),
      (error: unknown) => {
        const status = error instanceof ServiceError ? error.status : 500;
        const text = error instanceof ServiceError ? error.message : "An internal error occurred.";
        response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${text}\n`);
      },
    );
  };
}

async function answer(parts: SnsPageParts, request: IncomingMessage): Promise<{ type: string; body: string }> {
  const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
  const what = pathname.split("/").at(-1) ?? "";
  // Subscribers follow these as links; nothing else is asked of them.
  if (request.method !== "GET" && request.method !== "POST") throw unknownPage();
  if (what === "confirm") return xml("ConfirmSubscription", await confirmed(parts, searchParams));
  if (what === "unsubscribe") return xml("Unsubscribe", await unsubscribed(parts, searchParams));
  const signer = await parts.signer();
  if (what !== signer.certificateName) throw unknownPage();
  return { type: "application/x-pem-file", body: signer.certificate };
}

async function confirmed(parts: SnsPageParts, query: URLSearchParams): Promise<string> {
  const topic = parseTopicArn(query.get("TopicArn") ?? "");
  if (topic === undefined) throw new ServiceError("InvalidParameter", "Invalid parameter: TopicArn", { status: 400 });
  const authenticateOnUnsubscribe = query.get("AuthenticateOnUnsubscribe")?.toLowerCase() === "true";
  const arn = await confirm(parts, topic, { token: query.get("Token") ?? "", authenticateOnUnsubscribe });
  return `<ConfirmSubscriptionResult><SubscriptionArn>${arn}</SubscriptionArn></ConfirmSubscriptionResult>`;
}

/** The ARN has a random part that only the subscriber and the topic's owner know. */
async function unsubscribed({ store }: SnsPageParts, query: URLSearchParams): Promise<string> {
  const subscription = parseSubscriptionArn(query.get("SubscriptionArn") ?? "");
  if (subscription === undefined) {
    throw new ServiceError("InvalidParameter", "Invalid parameter: SubscriptionArn", { status: 400 });
  }
  const key = subscriptionKey(subscription, subscription.id);
  const record = await store.get<SubscriptionValue>(key);
  if (record?.value.authenticateOnUnsubscribe) {
    const message = "This subscription asks for credentials to be ended: call Unsubscribe.";
    throw new ServiceError("AuthorizationError", message, { status: 403 });
  }
  try {
    if (record !== undefined) await store.write([{ op: "delete", key }]);
  } catch (error) {
    if (!(error instanceof WriteConflict)) throw error;
  }
  return "";
}

function xml(operation: string, result: string): { type: string; body: string } {
  const namespace = "http://sns.amazonaws.com/doc/2010-03-31/";
  return { type: "text/xml", body: `<${operation}Response xmlns="${namespace}">${result}</${operation}Response>\n` };
}

function unknownPage(): ServiceError {
  return new ServiceError("NotFound", "There is no such page.", { status: 404 });
}
