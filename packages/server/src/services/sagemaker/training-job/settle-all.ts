/**
 * Waits until every piece of work has ended, well or not, so that none of it goes on when a step is tried again.
 * @throws What the first of them threw, in the order given.
 */
export async function settleAll<Result>(work: readonly Promise<Result>[]): Promise<Result[]> {
  const outcomes = await Promise.allSettled(work);
  return outcomes.map((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}
