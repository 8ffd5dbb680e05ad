/** A row's quotes do not match. */
export class CsvRowError extends Error {
  override readonly name = "CsvRowError";
}

/**
 * Splits one row of CSV (RFC 4180) into its columns as they stand, quotes included: columns that are put together again are
 * the bytes that came.
 * @throws CsvRowError when a quoted column does not end in this row; line breaks within columns are not supported.
 */
export function splitCsvRow(row: string): string[] {
  if (!row.includes('"')) return row.split(",");
  const columns: string[] = [];
  let at = 0;
  for (;;) {
    const end = row[at] === '"' ? endOfQuoted(row, at, columns.length + 1) : endOfPlain(row, at);
    columns.push(row.slice(at, end));
    if (end >= row.length) return columns;
    at = end + 1;
  }
}

function endOfPlain(row: string, at: number): number {
  const comma = row.indexOf(",", at);
  return comma < 0 ? row.length : comma;
}

function endOfQuoted(row: string, at: number, column: number): number {
  let quote = row.indexOf('"', at + 1);
  // Two quotes stand for one.
  while (quote >= 0 && row[quote + 1] === '"') quote = row.indexOf('"', quote + 2);
  if (quote < 0) throw new CsvRowError(`column ${column} begins with a quote that is not closed in its line`);
  if (quote + 1 < row.length && row[quote + 1] !== ",") {
    throw new CsvRowError(`column ${column} goes on behind its closing quote`);
  }
  return quote + 1;
}
