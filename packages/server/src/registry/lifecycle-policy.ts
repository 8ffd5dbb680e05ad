import { fitsWildcard } from "./tag-mutability.ts";

/** An image as a lifecycle policy sees it. */
export interface AgingImage {
  readonly digest: string;
  readonly tags: readonly string[];
  /** Milliseconds since 1970. */
  readonly pushedAt: number;
}

/** What one rule of a policy says. */
export interface LifecycleRule {
  readonly rulePriority: number;
  readonly description?: string;
  readonly tagStatus: "tagged" | "untagged" | "any";
  readonly tagPrefixList: readonly string[];
  readonly tagPatternList: readonly string[];
  readonly countType: "imageCountMoreThan" | "sinceImagePushed";
  readonly countNumber: number;
}

/** An image that a policy ends, and the rule that does. */
export interface Expiry {
  readonly image: AgingImage;
  readonly rulePriority: number;
}

/** The text of a policy is none; the message says what is wrong, by its place. */
export class InvalidLifecyclePolicy extends Error {
  override readonly name = "InvalidLifecyclePolicy";
}

const dayMs = 24 * 3600_000;
const mostRules = 50;

/** Reads a policy's text. @throws InvalidLifecyclePolicy */
export function parseLifecyclePolicy(text: string): LifecycleRule[] {
  let policy: { rules?: unknown };
  try {
    policy = JSON.parse(text) as { rules?: unknown };
  } catch (cause) {
    throw new InvalidLifecyclePolicy("it is not JSON", { cause });
  }
  const { rules } = (policy as { rules?: unknown } | null) ?? {};
  if (!Array.isArray(rules) || rules.length === 0 || rules.length > mostRules) {
    throw new InvalidLifecyclePolicy(`"rules" must be a list of 1 to ${mostRules} rules`);
  }
  const read = rules.map((rule, at) => readRule(rule as RuleText, `rules[${at}]`));
  if (new Set(read.map(({ rulePriority }) => rulePriority)).size < read.length) {
    throw new InvalidLifecyclePolicy("two rules have one rulePriority");
  }
  const sorted = read.toSorted((a, b) => a.rulePriority - b.rulePriority);
  const any = sorted.findIndex(({ tagStatus }) => tagStatus === "any");
  if (any >= 0 && any < sorted.length - 1) {
    throw new InvalidLifecyclePolicy('a rule for "any" image must have the highest rulePriority');
  }
  return sorted;
}

interface RuleText {
  readonly rulePriority?: unknown;
  readonly description?: unknown;
  readonly action?: { readonly type?: unknown };
  readonly selection?: {
    readonly tagStatus?: unknown;
    readonly tagPrefixList?: unknown;
    readonly tagPatternList?: unknown;
    readonly countType?: unknown;
    readonly countUnit?: unknown;
    readonly countNumber?: unknown;
  };
}

function readRule(rule: RuleText, where: string): LifecycleRule {
  const wrong = (what: string): never => {
    throw new InvalidLifecyclePolicy(`${where}${what}`);
  };
  const { rulePriority, description, action, selection = {} } = rule ?? {};
  const { tagStatus, countType, countUnit, countNumber } = selection;
  if (!Number.isSafeInteger(rulePriority) || (rulePriority as number) < 1)
    wrong(".rulePriority must be a number from 1");
  if (action?.type !== "expire") wrong('.action.type must be "expire"');
  if (tagStatus !== "tagged" && tagStatus !== "untagged" && tagStatus !== "any") {
    return wrong('.selection.tagStatus must be "tagged", "untagged" or "any"');
  }
  const tagPrefixList = texts(selection.tagPrefixList) ?? wrong(".selection.tagPrefixList must be a list of texts");
  const tagPatternList = texts(selection.tagPatternList) ?? wrong(".selection.tagPatternList must be a list of texts");
  const lists = Number(tagPrefixList.length > 0) + Number(tagPatternList.length > 0);
  if (tagStatus === "tagged" ? lists !== 1 : lists !== 0) {
    wrong('.selection must have tagPrefixList or tagPatternList where tagStatus is "tagged", and only there');
  }
  if (countType !== "imageCountMoreThan" && countType !== "sinceImagePushed") {
    return wrong('.selection.countType must be "imageCountMoreThan" or "sinceImagePushed"');
  }
  if (countType === "sinceImagePushed" ? countUnit !== "days" : countUnit !== undefined) {
    wrong('.selection.countUnit must be "days" with sinceImagePushed, and is not there otherwise');
  }
  if (!Number.isSafeInteger(countNumber) || (countNumber as number) < 1) {
    wrong(".selection.countNumber must be a number from 1");
  }
  return {
    rulePriority: rulePriority as number,
    ...(typeof description === "string" && { description }),
    ...{ tagStatus, tagPrefixList, tagPatternList, countType },
    countNumber: countNumber as number,
  };
}

function texts(value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  return Array.isArray(value) && value.every((each) => typeof each === "string") ? (value as string[]) : undefined;
}

/**
 * Which images a policy ends now. Rules work in the order of their priority, and an image belongs to the first rule that
 * selects it, whether that one ends it or not.
 */
export function expired(rules: readonly LifecycleRule[], images: readonly AgingImage[], now: number): Expiry[] {
  const taken = new Set<string>();
  const ended: Expiry[] = [];
  for (const rule of rules) {
    const mine = images
      .filter((image) => !taken.has(image.digest) && selects(rule, image))
      .toSorted((a, b) => b.pushedAt - a.pushedAt);
    for (const [rank, image] of mine.entries()) {
      taken.add(image.digest);
      if (isOver(rule, image, rank, now)) ended.push({ image, rulePriority: rule.rulePriority });
    }
  }
  return ended;
}

/** @param rank - 0 for the newest of the rule's images. */
function isOver(rule: LifecycleRule, image: AgingImage, rank: number, now: number): boolean {
  if (rule.countType === "imageCountMoreThan") return rank >= rule.countNumber;
  return now - image.pushedAt > rule.countNumber * dayMs;
}

/** With several prefixes or patterns an image must have a tag for each, as ECR has it. */
function selects({ tagStatus, tagPrefixList, tagPatternList }: LifecycleRule, { tags }: AgingImage): boolean {
  if (tagStatus === "any") return true;
  if (tagStatus === "untagged") return tags.length === 0;
  if (tags.length === 0) return false;
  return (
    tagPrefixList.every((prefix) => tags.some((tag) => tag.startsWith(prefix))) &&
    tagPatternList.every((pattern) => tags.some((tag) => fitsWildcard(pattern, tag)))
  );
}
