import type { ResourceType } from "@aws-sdk/client-sagemaker";
import type { StoredRecord } from "../../../store/store.ts";
import type { OperationContext } from "../../service.ts";

/** A noun that Search finds. Declared in the noun's folder, and listed in `searchables.ts`. */
export interface Searchable {
  /** As `Search` names it, which is also the member of a result that holds it: `TrainingJob`. */
  readonly resource: ResourceType;
  /** Record kind. */
  readonly kind: string;
  /** Properties that conditions may name, as far as the first dot. Others are refused, so that a typing error is seen. */
  readonly properties: readonly string[];
  /** Property that is the record's name, and the one that is its status, if it has one. */
  readonly nameProperty: string;
  readonly statusProperty?: string;
  /** The whole resource, as results have it; without its tags. */
  describe(record: StoredRecord<never>, context: OperationContext): object | Promise<object>;
  /** The resource's ARN, which its tags are found by. */
  arn(record: StoredRecord<never>): string;
}
