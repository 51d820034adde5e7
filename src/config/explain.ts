import type * as z from 'zod';
import { escapeToWidth } from '../core/text/escape.ts';
import { nearestWord } from '../core/text/nearest.ts';
import { configurationSchema } from './schema.ts';

type Path = readonly PropertyKey[];

/** The known keys of the table at `path`, or [] where there is no table. */
function knownKeysAt(path: Path): string[] {
  let schema: unknown = configurationSchema;
  for (const key of path) {
    const inner = unwrap(schema);
    if (inner === null) return [];
    schema = typeof key === 'number' ? inner.element : inner.shape?.[String(key)];
  }
  return Object.keys(unwrap(schema)?.shape ?? {});
}

interface SchemaInside {
  shape?: Record<string, unknown>;
  element?: unknown;
  def?: { innerType?: unknown };
}

/** Takes default() and prefault() wrappers off a schema. */
function unwrap(schema: unknown): SchemaInside | null {
  let inside = schema as SchemaInside | undefined;
  while (inside?.def?.innerType !== undefined) inside = inside.def.innerType as SchemaInside;
  return inside ?? null;
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const key of path) value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  return value;
}

/** `[worker] name`, `[[hot_mounts]] (the 2nd) unit`, `[storagebox] stale_errnos, entry 2`. */
function describeKey(path: Path): string {
  const [table, first, ...rest] = path;
  if (first === undefined) return String(table);
  const keys = (parts: Path) =>
    parts.map((part) => (typeof part === 'number' ? `, entry ${part + 1}` : ` ${String(part)}`)).join('');
  if (typeof first === 'number') return `[[${String(table)}]] (the ${ordinal(first + 1)})${keys(rest)}`;
  return `[${String(table)}]${keys([first, ...rest])}`;
}

function ordinal(number: number): string {
  const suffix = new Intl.PluralRules('en', { type: 'ordinal' }).select(number);
  return `${number}${{ one: 'st', two: 'nd', few: 'rd', other: 'th', zero: 'th', many: 'th' }[suffix]}`;
}

/** Where a key of this name exists in other tables, it was probably put under the wrong heading. */
function tablesWith(key: string): string[] {
  return knownKeysAt([])
    .filter((table) => knownKeysAt([table]).includes(key))
    .map((table) => `[${table}]`);
}

/** A value as it stands in the file, without the user and password of an address. */
function showValue(value: unknown, maxCharacters: number): string {
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return escapeToWidth(text.replace(/:\/\/[^/"]*@/g, '://…@'), maxCharacters);
}

function explainUnknownKey(path: Path, key: string, value: unknown): string {
  const table = path.length === 1 ? `[${String(path[0])}]` : describeKey(path);
  const where = path.length === 0 ? '' : `${table} `;
  const shown = `${where}${escapeToWidth(key, 80)} = ${showValue(value, 80)}`;
  const tables = tablesWith(key);
  if (tables.length > 0) return `unknown key ${shown}; it belongs under ${tables.join(' or ')}.`;
  const near = nearestWord(key, knownKeysAt(path));
  if (near !== null) return `unknown key ${shown}; did you mean ${near}?`;
  return `unknown key ${shown}; known here are: ${knownKeysAt(path).join(', ')}.`;
}

function unitHint(path: Path, value: unknown): string {
  const key = String(path.at(-1));
  if (!/_(seconds|percent)$/.test(key) || typeof value !== 'string') return '';
  return ` (a plain number of ${key.endsWith('seconds') ? 'seconds' : 'percent'}, without quotes or unit)`;
}

/** One bracket or two: a table that may stand once, or many times. */
function bracketHint(path: Path, value: unknown): string {
  const [table] = path;
  if (path.length !== 1 || typeof value !== 'object' || value === null) return '';
  return Array.isArray(value)
    ? ` (write [${String(table)}], with one bracket, once)`
    : ` (write [[${String(table)}]], with two brackets, once for each)`;
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text in quotes',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list, in [ ]',
  object: 'a table',
};

/** What would be right, in the words of the file and not in those of the library that checks it. */
function whatIsRight(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}`;
    case 'too_small':
      return ['string', 'array'].includes(issue.origin)
        ? 'must not be empty'
        : `must be at least ${String(issue.minimum)}`;
    case 'too_big':
      return `must ${issue.origin === 'string' ? 'have' : 'be'} at most ${String(issue.maximum)}${issue.origin === 'string' ? ' characters' : ''}`;
    default:
      return issue.message;
  }
}

/** One sentence for each thing that is wrong: key, value and what would be right. */
export function explainIssues(error: z.ZodError, document: unknown): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((key) =>
        explainUnknownKey(issue.path, key, valueAt(document, [...issue.path, key])),
      );
    const value = valueAt(document, issue.path);
    const shown = value === undefined ? 'is missing' : `= ${showValue(value, 120)}`;
    const hints = `${unitHint(issue.path, value)}${bracketHint(issue.path, value)}`;
    return [`${describeKey(issue.path)} ${shown}: ${whatIsRight(issue)}${hints}.`.replace(/\?\.$/, '?')];
  });
}
