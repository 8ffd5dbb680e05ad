import { invalidParameter } from "./errors.ts";

const defaultPageSize = 100;

/**
 * Takes one page out of a sequence. The token is the position of the page's last item, so that what comes or goes between
 * two pages neither repeats nor hides another.
 * @param after - Makes the sequence after a position; everything for an empty one.
 */
export async function pageOf<Item>(
  input: { readonly nextToken?: string | undefined; readonly maxResults?: number | undefined },
  after: (position: string) => AsyncIterable<{ readonly position: string; readonly item: Item }>,
): Promise<{ items: Item[]; next: { nextToken?: string } }> {
  const limit = input.maxResults ?? defaultPageSize;
  const items: Item[] = [];
  let last = "";
  for await (const { position, item } of after(readToken(input.nextToken))) {
    if (items.length === limit) return { items, next: { nextToken: Buffer.from(last).toString("base64url") } };
    items.push(item);
    last = position;
  }
  return { items, next: {} };
}

function readToken(token: string | undefined): string {
  if (token === undefined) return "";
  const position = Buffer.from(token, "base64url").toString("utf8");
  if (/^sha256:[0-9a-f]{64}(?: [\w.-]*)?$/.test(position)) return position;
  throw invalidParameter("Invalid parameter at 'nextToken': the token is not one of this operation's.");
}
