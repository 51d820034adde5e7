import type { z } from 'zod';
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

function describeKey(path: Path): string {
  const [table, ...rest] = path.map(String);
  return rest.length === 0 ? String(table) : `[${String(table)}] ${rest.join('.')}`;
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
  const where = path.length === 0 ? '' : `[${String(path[0])}] `;
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
  if (path.length !== 1 || typeof value !== 'object') return '';
  return Array.isArray(value)
    ? ` (write [${String(table)}], with one bracket, once)`
    : ` (write [[${String(table)}]], with two brackets, once for each)`;
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
    const message = issue.message.replace(/^Invalid input: /, '').replace(/^Too (small|big): /, '');
    return [
      `${describeKey(issue.path)} ${shown}: ${message}${unitHint(issue.path, value)}${bracketHint(issue.path, value)}.`,
    ];
  });
}
