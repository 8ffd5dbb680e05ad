// AssemblyScript: compiled to .build/csv.wasm by scripts/setup/kernels.mjs. Twin: parse-rows.ts.
// Numbers of plain numeric CSV, to the same float32 as Math.fround(Number(text)). Whatever is not a plain decimal
// number is left to the caller, as a list of fields with their place.

const ZEROS: u64 = 0x3030303030303030;
/** A point after taking ZEROS away. */
const POINT: u64 = 0x1e;
const HIGH_BITS: u64 = 0x8080808080808080;
/** Added to a byte of 0..9 leaves its high bit clear; anything above sets it. */
const ABOVE_NINE: u64 = 0x7676767676767676;
/** Up to here a decimal mantissa is exact in a double. */
const EXACT_MANTISSA: u64 = 1 << 53;
/** A mantissa below takes eight, or one, more digits without leaving 63 bits. */
const ROOM_FOR_8: u64 = 90000000000;
const ROOM_FOR_1: u64 = 900000000000000000;
/** `powers` holds 10^0 to 10^60 as doubles, then 10^0 to 10^8 as u64. */
const MOST_POWER: i32 = 60;
const WHOLE_POWERS: usize = (MOST_POWER + 1) * 8;
const EXACT_POWER: i32 = 22;
/** So many decimal digits fit 63 bits. */
const MOST_DIGITS: i32 = 18;

const DOT: u8 = 0x2e;
const MINUS: u8 = 0x2d;
const PLUS: u8 = 0x2b;
const SPACE: u8 = 0x20;
const TAB: u8 = 0x09;
const QUOTE: u8 = 0x22;
const COMMA: u8 = 0x2c;
const LF: u8 = 0x0a;
const CR: u8 = 0x0d;

/** Why parsing ended; shared with parse-rows.ts. */
const DONE: i32 = 0;
const TOO_FEW: i32 = 1;
const TOO_MANY: i32 = 2;
const ODD_FULL: i32 = 3;

/** Rows that begin in [begin, end): a line feed before, neither LF nor CR (a blank line) at the place itself. */
export function countRows(begin: usize, end: usize): i32 {
  let rows: i32 = 0;
  let at = begin;
  const lf = i8x16.splat(LF);
  const cr = i8x16.splat(CR);
  for (; at + 16 <= end; at += 16) {
    const before = i8x16.eq(v128.load(at - 1), lf);
    const here = v128.load(at);
    const blank = v128.or(i8x16.eq(here, lf), i8x16.eq(here, cr));
    rows += popcnt<i32>(i8x16.bitmask(v128.andnot(before, blank)));
  }
  for (; at < end; at++) {
    const here = load<u8>(at);
    if (load<u8>(at - 1) === LF && here !== LF && here !== CR) rows++;
  }
  return rows;
}

// @ts-ignore: decorator
@inline
function digitsAt(chunk: u64): i32 {
  // A carry out of a byte above nine spoils only bytes after it, which no longer count.
  return <i32>(ctz(((chunk + ABOVE_NINE) | chunk) & HIGH_BITS) >> 3);
}

// @ts-ignore: decorator
@inline
function eightDigits(digits: u64): u64 {
  const pairs = digits * 10 + (digits >> 8);
  return (((pairs & 0x000000ff000000ff) * 0x000f424000000064) + (((pairs >> 16) & 0x000000ff000000ff) * 0x0000271000000001)) >> 32;
}

// @ts-ignore: decorator
@inline
function signed(size: f64, negative: u64): f64 {
  return reinterpret<f64>(reinterpret<u64>(size) | (negative << 63));
}

// @ts-ignore: decorator
@inline
function wholePower(table: usize, exponent: i32): u64 {
  return load<u64>(table + WHOLE_POWERS + (<usize>exponent << 3));
}

/** Where the field being read goes on, and what was read: the functions below return one number each. */
let cursor: usize = 0;
let powers: usize = 0;

/** Tables filled by the caller; see WHOLE_POWERS. */
export function usePowers(table: usize): void {
  powers = table;
}

/**
 * Reads rows that begin in [begin, end). The bytes go on past `end` until the last row is whole, and every row ends in
 * a line feed, with 16 readable bytes after it.
 * `result` (5 x i32): status, odd fields, position where reading ended, fields of the row there, rows.
 * `odd` (4 x i32 each): row, column, position, length of a field that is not a plain number.
 */
export function parseRows(
  begin: usize,
  end: usize,
  labelWidth: i32,
  columns: i32,
  labels: usize,
  features: usize,
  odd: usize,
  oddCapacity: i32,
  result: usize,
): void {
  const table = powers; // a local stays in a register
  let rows: i32 = 0;
  let odds: i32 = 0;
  let at = begin;
  while (at < end) {
    const first = load<u8>(at);
    if (first === LF || first === CR) {
      at++;
      continue;
    }
    // A row is read whole or not at all, so there must be room for all of its fields.
    if (odds + columns > oddCapacity) {
      finish(result, ODD_FULL, odds, at, 0, rows);
      return;
    }
    const start = at;
    let out = labelWidth === 0 ? features : labels;
    let column: i32 = 0;
    while (true) {
      if (column === columns) {
        finish(result, TOO_MANY, odds, start, column, rows);
        return;
      }
      if (column === labelWidth) out = features;
      // Short numbers without an exponent, nearly all there are, are read here; the rest elsewhere.
      const field = at;
      const negative = <u64>(load<u8>(at) === MINUS);
      at += <usize>negative;
      const digits = load<u64>(at) ^ ZEROS;
      let value: f64 = 0;
      let plain = false;
      // One digit and a point, which scaled data mostly has, is told at a glance.
      let wholeCount: i32 = 1;
      let whole = digits & 0xff;
      if (whole > 9 || ((digits >> 8) & 0xff) !== POINT) {
        wholeCount = digitsAt(digits);
        whole = eightDigits(digits << ((8 - wholeCount) << 3));
      }
      if (wholeCount > 0 && wholeCount < 8) {
        at += wholeCount;
        const next = load<u8>(at);
        if (next <= COMMA) {
          plain = true;
          value = signed(<f64>(<i64>whole), negative);
        } else if (next === DOT) {
          // No branch on how many digits follow, nor on the sign: neither can be predicted.
          const high = load<u64>(at + 1) ^ ZEROS;
          const low = load<u64>(at + 9) ^ ZEROS;
          const highCount = digitsAt(high);
          const lowCount = select<i32>(digitsAt(low), 0, highCount === 8);
          at += 1 + highCount + lowCount;
          // Sixteen digits after the point would need another shift, and too many in all would overflow.
          const fits = lowCount < 8 && wholeCount + highCount + lowCount <= MOST_DIGITS;
          if (highCount > 0 && fits && load<u8>(at) <= COMMA) {
            const mantissa =
              (whole * wholePower(table, highCount) + eightDigits(high << ((8 - highCount) << 3))) * wholePower(table, lowCount) +
              eightDigits((low << ((7 - lowCount) << 3)) << 8);
            plain = mantissa <= EXACT_MANTISSA;
            value = signed(<f64>(<i64>mantissa) / load<f64>(table + (<usize>(highCount + lowCount) << 3)), negative);
          }
        }
      }
      if (!plain) {
        value = readField(field);
        at = cursor;
        if (oddLength >= 0) {
          const entry = odd + (<usize>odds << 4);
          store<i32>(entry, rows);
          store<i32>(entry, column, 4);
          store<i32>(entry, <i32>field, 8);
          store<i32>(entry, oddLength, 12);
          odds++;
        }
      }
      store<f32>(out, <f32>value);
      out += 4;
      column++;
      let next = load<u8>(at);
      if (next === COMMA) {
        at++;
        continue;
      }
      if (next === SPACE || next === CR || next === TAB) {
        at = skipBlanks(at);
        next = load<u8>(at);
        if (next === COMMA) {
          at++;
          continue;
        }
      }
      // readField and skipBlanks stop at a comma or a line feed only; the fast path checked for one or a blank.
      if (next !== LF) {
        const entry = odd + (<usize>odds << 4);
        at = scanField(field);
        store<i32>(entry, rows);
        store<i32>(entry, column - 1, 4);
        store<i32>(entry, <i32>field, 8);
        store<i32>(entry, <i32>(at - field), 12);
        odds++;
        if (load<u8>(at) === COMMA) {
          at++;
          continue;
        }
      }
      break;
    }
    if (column !== columns) {
      finish(result, TOO_FEW, odds, start, column, rows);
      return;
    }
    at++;
    rows++;
    labels += <usize>labelWidth << 2;
    features += <usize>(columns - labelWidth) << 2;
  }
  finish(result, DONE, odds, at, 0, rows);
}

function finish(result: usize, status: i32, odds: i32, at: usize, fields: i32, rows: i32): void {
  store<i32>(result, status);
  store<i32>(result, odds, 4);
  store<i32>(result, <i32>at, 8);
  store<i32>(result, fields, 12);
  store<i32>(result, rows, 16);
}

/** Length of the field that readField could not read, or -1. */
let oddLength: i32 = -1;

function skipBlanks(at: usize): usize {
  while (true) {
    const next = load<u8>(at);
    if (next !== SPACE && next !== TAB && next !== CR) return at;
    at++;
  }
}

/** End of the field that begins at `at`: its comma outside quotes, or the end of the line in any case. */
function scanField(at: usize): usize {
  let quoted = false;
  while (true) {
    const next = load<u8>(at);
    if (next === LF || (next === COMMA && !quoted)) return at;
    if (next === QUOTE) quoted = !quoted;
    at++;
  }
}

/** Any decimal number, or NaN for an empty field. Leaves `cursor` at its comma or line feed. */
function readField(field: usize): f64 {
  oddLength = -1;
  const value = readNumber(skipBlanks(field));
  cursor = skipBlanks(cursor);
  const next = load<u8>(cursor);
  if (!unsure && (next === COMMA || next === LF)) return value;
  cursor = scanField(field);
  oddLength = <i32>(cursor - field);
  return NaN;
}

/** readNumber could not tell the right float32, or met something else than a number. */
let unsure: bool = false;

function readNumber(at: usize): f64 {
  unsure = false;
  const first = load<u8>(at);
  if (first === COMMA || first === LF) {
    cursor = at;
    return NaN;
  }
  const negative = first === MINUS;
  if (negative || first === PLUS) at++;
  let mantissa: u64 = 0;
  let power: i32 = 0;
  let seen: i32 = 0;
  let afterDot: i32 = 0;
  while (true) {
    const digit = load<u8>(at) - 0x30;
    if (digit <= 9) {
      seen = 1;
      if (mantissa < ROOM_FOR_1) {
        if (mantissa < ROOM_FOR_8) {
          const digits = load<u64>(at) ^ ZEROS;
          if (digitsAt(digits) === 8) {
            mantissa = mantissa * 100000000 + eightDigits(digits);
            power -= afterDot << 3;
            at += 8;
            continue;
          }
        }
        mantissa = mantissa * 10 + digit;
        power -= afterDot;
      } else power += 1 - afterDot; // too small to matter, except for its place
      at++;
    } else if (digit === <u8>(DOT - 0x30) && afterDot === 0) {
      afterDot = 1;
      at++;
    } else break;
  }
  if ((load<u8>(at) | 0x20) === 0x65) {
    at++;
    const sign = load<u8>(at);
    if (sign === MINUS || sign === PLUS) at++;
    let exponent: i32 = 0;
    if (load<u8>(at) - 0x30 > 9) seen = 0;
    while (true) {
      const digit = load<u8>(at) - 0x30;
      if (digit > 9) break;
      if (exponent < 10000) exponent = exponent * 10 + digit;
      at++;
    }
    power += sign === MINUS ? -exponent : exponent;
  }
  cursor = at;
  unsure = seen === 0;
  if (mantissa === 0) return negative ? -0.0 : 0.0;
  const size = power < 0 ? -power : power;
  if (size > MOST_POWER) {
    unsure = true;
    return NaN;
  }
  const factor = load<f64>(powers + (<usize>size << 3));
  const whole = <f64>(<i64>mantissa);
  const value = power < 0 ? whole / factor : whole * factor;
  if (mantissa > EXACT_MANTISSA || size > EXACT_POWER) unsure = unsure || !isFarFromTie(value);
  return negative ? -value : value;
}

/**
 * The value is within two units of the last place of the true one, which rounds to the same float32 unless a midpoint
 * of two float32 lies that near (29 bits are cut off). Outside float32's normal range more bits are cut.
 */
function isFarFromTie(value: f64): bool {
  if (value < 1.2e-38 || value > 3.4e38) return false;
  const cut = <i32>(reinterpret<u64>(value) & 0x1fffffff);
  return abs<i32>(cut - 0x10000000) > 8;
}
