/** The value of an `sns-topic` record. */
export interface TopicValue {
  /** As SetTopicAttributes takes them; defaults are not in it. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}
