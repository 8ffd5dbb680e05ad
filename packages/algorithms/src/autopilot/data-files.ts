/** Where the rows and the analysis go below a job's place in S3. */
export const dataFolder = "preprocessed-data/tuning_data";

/** Names of the files in that folder, which candidates learn from. */
export const dataFiles = {
  analysis: "analysis.json",
  train: "train/chunk_0.csv",
  validation: "validation/chunk_0.csv",
} as const;
