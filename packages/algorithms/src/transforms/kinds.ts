import { type ColumnTransformerSpec, columnTransformer } from "./compose/column-transformer.ts";
import { type PipelineSpec, pipeline } from "./compose/pipeline.ts";
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
import { type MinMaxScalerSpec, minMaxScaler } from "./scale/min-max-scaler.ts";
import { type StandardScalerSpec, standardScaler } from "./scale/standard-scaler.ts";
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
  | TargetEncoderSpec;

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
} satisfies Readonly<Record<AnySpec["kind"], AnyKind>>;
