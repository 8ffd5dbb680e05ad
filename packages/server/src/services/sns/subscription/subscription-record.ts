/** The value of an `sns-subscription` record, whose status is `pending` until its endpoint has confirmed, and then `confirmed`. */
export interface SubscriptionValue {
  readonly protocol: "http" | "https";
  /** As it was given, with whatever user and password it has. */
  readonly endpoint: string;
  /** What the endpoint must give back; kept afterwards, so that confirming twice is no error. */
  readonly token: string;
  /** The endpoint asked that only callers with credentials may end it. */
  readonly authenticateOnUnsubscribe?: true;
  /** RawMessageDelivery and DeliveryPolicy, as SetSubscriptionAttributes takes them. */
  readonly attributes: Readonly<Record<string, string>>;
}
