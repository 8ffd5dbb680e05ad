/** InferenceComponentSpecification's members that are kept. */
export interface ComponentSpecification {
  readonly ModelName?: string | undefined;
  readonly Container?: unknown;
  readonly StartupParameters?: unknown;
  readonly ComputeResourceRequirements?: unknown;
}

/** What one copy needs of an instance. */
export interface Needs {
  readonly cores: number;
  readonly accelerators: number;
  readonly memoryBytes: number;
}

/** What a fleet of copies was made from. */
export interface ComponentOrigin {
  /** As it was given, and is shown. */
  readonly specification: ComponentSpecification;
  readonly needs: Needs;
}
