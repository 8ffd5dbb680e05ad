import { type QuantileBinsSpec, quantileBins } from "./bins/quantile-bins.ts";
import { type ColumnTransformerSpec, columnTransformer } from "./compose/column-transformer.ts";
import { type PipelineSpec, pipeline } from "./compose/pipeline.ts";
import { type DatePartsSpec, dateParts } from "./dates/date-parts.ts";
import { type ParseDatesSpec, parseDates } from "./dates/parse-dates.ts";
import { type BinaryEncoderSpec, binaryEncoder } from "./encode/binary-encoder.ts";
import { type OneHotEncoderSpec, oneHotEncoder } from "./encode/one-hot-encoder.ts";
import {
  type LabelEncoderSpec,
  labelEncoder,
  type OrdinalEncoderSpec,
  ordinalEncoder,
} from "./encode/ordinal-encoder.ts";
import { type TargetEncoderSpec, targetEncoder } from "./encode/target-encoder.ts";
import { type ImputeSpec, impute } from "./impute/impute.ts";
import { type ImputeChainedSpec, imputeChained } from "./impute/impute-chained.ts";
import { type ImputeNearestSpec, imputeNearest } from "./impute/impute-nearest.ts";
import { type OutliersSpec, outliers } from "./outliers/outliers.ts";
import { type PcaSpec, pca } from "./reduce/pca.ts";
import { type LogSpec, log } from "./scale/log.ts";
import { type MinMaxScalerSpec, minMaxScaler } from "./scale/min-max-scaler.ts";
import { type PowerSpec, power } from "./scale/power.ts";
import { type StandardScalerSpec, standardScaler } from "./scale/standard-scaler.ts";
import { type SelectBestSpec, selectBest } from "./select/select-best.ts";
import { type SelectCorrelationSpec, selectCorrelation } from "./select/select-correlation.ts";
import { type SelectVarianceSpec, selectVariance } from "./select/select-variance.ts";
import { type TextCountsSpec, textCounts } from "./text/text-counts.ts";
import { type TfIdfSpec, tfIdf } from "./text/tf-idf.ts";
import { type DropDuplicatesSpec, dropDuplicates } from "./training-rows/drop-duplicates.ts";
import { type OversampleSpec, oversample, type UndersampleSpec, undersample } from "./training-rows/resample.ts";
import { type SmoteSpec, smote } from "./training-rows/smote.ts";
import type { AnyKind } from "./transform.ts";

/** What can be fitted: plain JSON. */
export type AnySpec =
  | PipelineSpec<AnySpec>
  | ColumnTransformerSpec<AnySpec>
  | BinaryEncoderSpec
  | ImputeSpec
  | LabelEncoderSpec
  | MinMaxScalerSpec
  | OneHotEncoderSpec
  | OrdinalEncoderSpec
  | StandardScalerSpec
  | TargetEncoderSpec
  | QuantileBinsSpec
  | DatePartsSpec
  | ParseDatesSpec
  | ImputeChainedSpec
  | ImputeNearestSpec
  | OutliersSpec
  | PcaSpec
  | LogSpec
  | PowerSpec
  | SelectBestSpec
  | SelectCorrelationSpec
  | SelectVarianceSpec
  | TextCountsSpec
  | TfIdfSpec
  | DropDuplicatesSpec
  | SmoteSpec
  | OversampleSpec
  | UndersampleSpec;

/** Every transform by its name. To add one: its file, its line here and its specification above. */
export const kinds = {
  pipeline,
  "column-transformer": columnTransformer,
  "binary-encoder": binaryEncoder,
  impute,
  "label-encoder": labelEncoder,
  "min-max-scaler": minMaxScaler,
  "one-hot-encoder": oneHotEncoder,
  "ordinal-encoder": ordinalEncoder,
  "standard-scaler": standardScaler,
  "target-encoder": targetEncoder,
  "quantile-bins": quantileBins,
  "date-parts": dateParts,
  "parse-dates": parseDates,
  "impute-chained": imputeChained,
  "impute-nearest": imputeNearest,
  outliers,
  pca,
  log,
  power,
  "select-best": selectBest,
  "select-correlation": selectCorrelation,
  "select-variance": selectVariance,
  "text-counts": textCounts,
  "tf-idf": tfIdf,
  "drop-duplicates": dropDuplicates,
  smote,
  oversample,
  undersample,
} satisfies Readonly<Record<AnySpec["kind"], AnyKind>>;
