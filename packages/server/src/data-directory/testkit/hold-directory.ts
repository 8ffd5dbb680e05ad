/** Opens the data directory named by its argument, says so, and holds it until it is killed. */
import { openDataDirectory } from "../open.ts";

await openDataDirectory(process.argv[2] as string);
process.send?.("open");
setInterval(() => {}, 1_000);
