export { type GatewayOptions, type RunningGateway, startGateway, UnsafeListener } from "./gateway.ts";
