// The number that a person types, read as `archsmith.data.tables.written` reads one in a table: 44,1 and 44.1 are the
// same, and what may be one or another is refused.
const MISSING = /^(\?|na|n\/a|#n\/a|<na>|nan|nat|null|none)?$/i;
const PLAIN = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const POINT_GROUPS = /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/;
const COMMA_GROUPS = /^[+-]?((\d+|[1-9]\d{0,2}(\.\d{3})+)(,\d+)?|\d+(,\d+)?e[+-]?\d+)$/i;
const LARGEST = 1e30;

/** NaN for a missing value. Throws an Error whose message is a sentence. `column`: its name, and how it was written. */
export function numberOf(text, column) {
  const typed = text.trim();
  if (MISSING.test(typed)) return NaN;
  const points = plain(POINT_GROUPS.test(typed) ? typed.replaceAll(",", "") : typed);
  const commas = COMMA_GROUPS.test(typed) ? plain(typed.replaceAll(".", "").replace(",", ".")) : null;
  const found = points === null || commas === null || points === commas ? (points ?? commas) : chosen(typed, points, commas, column);
  const orEmpty = "or leave the field empty where the value is not known.";
  if (found === null) {
    throw new Error(`“${column.name}” holds numbers, not “${typed.slice(0, 60)}”. Write one such as 3.5, ${orEmpty}`);
  }
  if (Math.abs(found) > LARGEST) {
    throw new Error(`The number “${typed.slice(0, 60)}” of “${column.name}” is too large. Write one up to 1e30, ${orEmpty}`);
  }
  return found;
}

/** Where the number lies outside of those in training rows: a sentence, else nothing. */
export function beyond(number, column) {
  if (!(number < Number(column.least) || number > Number(column.most))) return "";
  return `“${column.name}” is ${number}, and training rows had ${column.least} to ${column.most}: nothing was learnt about such values.`;
}

function plain(text) {
  return PLAIN.test(text) ? Number(text) : null;
}

function chosen(text, points, commas, { name, written, marks }) {
  if (written === "grouped" || (written === "plain" && !text.includes(","))) return points;
  if (written === "comma" && (text.includes(",") || marks.includes("."))) return commas;
  const clear = (value) => `${value}${/\.\d{3}$/.test(value) ? "0" : ""}`; // one more zero makes a fraction clear
  throw new Error(
    `“${name}” says “${text}”, which may mean ${points} or ${commas}. Write ${clear(points)} or ${clear(commas)}.`,
  );
}
