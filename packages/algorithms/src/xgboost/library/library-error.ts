import { CustomerError } from "../../job/errors.ts";

/** What the library says of input that is at fault; everything else is a failure of ours or of its. */
const inputFaults = [
  /label must be in \[0, ?1\]/i,
  /label must be in \[0, ?num_class\)/i,
  /SoftmaxMultiClassObj: label must be/i,
  /base_score must be in/i,
  /label must be (nonnegative|non-negative|positive|greater)/i,
  /nonnegative|non-negative/i,
  /AUC: the dataset only contains pos or neg samples/i,
  /only one class/i,
  /Input data contains `inf`/i,
  /feature_names mismatch/i,
  /Invalid Parameter format|Invalid value|Unknown objective|Unknown metric|value .* for Parameter .* exceed bound/i,
  /Multiple updater|updater/i,
  /constraint/i,
  /Check failed: .*(label|weight|num_class|base_score|qid|group)/i,
  /Only .* supported|not supported|is not available|must be/i,
];

/**
 * An error from the library's text, less the place in its sources and the stack.
 * `[18:31:36] /workspace/src/x.cc:9: Check failed: a == b (1 vs. 2) : message\nStack trace: …` becomes its second half.
 */
export function libraryError(text: string): Error {
  const message = messageOf(text);
  return inputFaults.some((fault) => fault.test(message))
    ? new CustomerError(`XGBoost: ${message}`)
    : new Error(`XGBoost: ${message}`);
}

/** The message proper. */
export function messageOf(text: string): string {
  const [head = text] = text.split(/\n\s*Stack trace:/);
  const plain = head.replace(/^\s*\[\d\d:\d\d:\d\d\]\s*(?:\S+:\d+:\s*)?/, "").trim();
  return plain.replace(/\s*\n\s*/g, " ");
}
