import { validationException } from "../../../errors.ts";
import type { Operation } from "../operation.ts";
import { type Candidate, candidatesOf, describeCandidate } from "./candidates.ts";
import { autoMLJobs } from "./resource.ts";

const defaultPageSize = 10;

const keys: Readonly<Record<string, (candidate: Candidate) => string | number>> = {
  CreationTime: ({ job }) => job?.createdAt ?? 0,
  Status: ({ status }) => status,
  FinalObjectiveMetricValue: ({ objective }) => objective as number,
};

/**
 * Lists a job's candidates. Sorted by their objective, those without one are left out. A page begins after the candidate
 * that the one before ended with.
 */
export const listCandidatesForAutoMLJob: Operation<"ListCandidatesForAutoMLJob"> = async (input, context) => {
  const { SortBy = "CreationTime", SortOrder = "Ascending", NextToken, MaxResults = defaultPageSize } = input;
  const record = await autoMLJobs.get(context, input.AutoMLJobName);
  const key = keys[SortBy] as (candidate: Candidate) => string | number;
  const direction = SortOrder === "Descending" ? -1 : 1;
  const wanted = (await candidatesOf(record, context)).filter(
    ({ status, name, objective }) =>
      (input.StatusEquals === undefined || input.StatusEquals === status) &&
      (input.CandidateNameEquals === undefined || input.CandidateNameEquals === name) &&
      (SortBy !== "FinalObjectiveMetricValue" || objective !== undefined),
  );
  wanted.sort((a, b) => direction * (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  const start = NextToken === undefined ? 0 : 1 + wanted.findIndex(({ name }) => name === NextToken);
  if (NextToken !== undefined && start === 0) throw validationException("The pagination token is invalid.");
  const page = wanted.slice(start, start + MaxResults);
  return {
    Candidates: page.map((candidate) => describeCandidate(candidate, record, context)),
    ...(start + MaxResults < wanted.length && { NextToken: page.at(-1)?.name }),
  };
};
