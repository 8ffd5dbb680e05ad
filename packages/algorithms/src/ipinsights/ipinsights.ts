import { defineAlgorithm } from "../job/algorithm.ts";
import { ipInsightsDefinition } from "./definition.ts";
import { fit } from "./fit.ts";
import { load } from "./serving/load.ts";

/** IP Insights: vectors of entities and of IPv4 addresses, whose product tells usual pairs from unusual ones. */
export const ipInsights = defineAlgorithm(ipInsightsDefinition, {
  title: "IP Insights",
  response: { wrapper: "predictions", defaultAccept: "application/json" },
  fit,
  load,
});
