// The SageMaker metrics API, in the form of the SDK clients' schemas: npm has no client of it to take them from.
// [kind, namespace, name, traits, ...]: 1 is a list, 3 a structure, 9 an operation, -3 an error; of the members, 0 is a
// text, 1 a number, 4 a time.
const n0 = "com.amazonaws.sagemakermetrics";

const numbers = [1, n0, "Numbers", 0, 1];

const rawMetricData = [3, n0, "RawMetricData", 0, ["MetricName", "Timestamp", "Step", "Value"], [0, 4, 1, 1]];
const rawMetricDataList = [1, n0, "RawMetricDataList", 0, () => rawMetricData];
const batchPutMetricsError = [3, n0, "BatchPutMetricsError", 0, ["Code", "MetricIndex"], [0, 1]];
const batchPutMetricsErrorList = [1, n0, "BatchPutMetricsErrorList", 0, () => batchPutMetricsError];
const batchPutMetricsRequest = [
  ...[3, n0, "BatchPutMetricsRequest", 0],
  ["TrialComponentName", "MetricData"],
  [0, () => rawMetricDataList],
];
const batchPutMetricsResponse = [3, n0, "BatchPutMetricsResponse", 0, ["Errors"], [() => batchPutMetricsErrorList]];

const metricQuery = [
  ...[3, n0, "MetricQuery", 0],
  ["MetricName", "ResourceArn", "MetricStat", "Period", "XAxisType", "Start", "End"],
  [0, 0, 0, 0, 0, 1, 1],
];
const metricQueryList = [1, n0, "MetricQueryList", 0, () => metricQuery];
const metricQueryResult = [
  ...[3, n0, "MetricQueryResult", 0],
  ["Status", "Message", "XAxisValues", "MetricValues"],
  [0, 0, () => numbers, () => numbers],
];
const metricQueryResultList = [1, n0, "MetricQueryResultList", 0, () => metricQueryResult];
const batchGetMetricsRequest = [3, n0, "BatchGetMetricsRequest", 0, ["MetricQueries"], [() => metricQueryList]];
const batchGetMetricsResponse = [
  ...[3, n0, "BatchGetMetricsResponse", 0],
  ["MetricQueryResults"],
  [() => metricQueryResultList],
];

/** Adds raw values to a trial component. */
export const BatchPutMetrics$ = [
  ...[9, n0, "BatchPutMetrics", { http: ["PUT", "/BatchPutMetrics", 200] }],
  () => batchPutMetricsRequest,
  () => batchPutMetricsResponse,
];
/** Reads them, put together by period or step. */
export const BatchGetMetrics$ = [
  ...[9, n0, "BatchGetMetrics", { http: ["POST", "/BatchGetMetrics", 200] }],
  () => batchGetMetricsRequest,
  () => batchGetMetricsResponse,
];
