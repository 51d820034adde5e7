import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { configurationSchema } from '../../src/config/schema.ts';
import { checkGeneratedPart, markdownTable } from './generated-docs.ts';

/** The part of JSON Schema that the configuration makes use of. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

const code = (value: unknown): string => `\`${JSON.stringify(value)}\``;

function kindOf(schema: Schema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(kindOf).join(', or ');
  if (schema.enum !== undefined) return schema.enum.map(code).join(' or ');
  if (schema.type === 'array') return 'list of strings';
  if (schema.type === 'number' || schema.type === 'integer') {
    const what = schema.type === 'integer' ? 'whole number' : 'number';
    return `${what}, ${String(schema.minimum)} to ${String(schema.maximum)}`;
  }
  return schema.type ?? '';
}

function section(name: string, schema: Schema): string {
  const table = schema.type === 'array' ? schema.items : schema;
  const rows = Object.entries(table?.properties ?? {}).map(([key, value]) => {
    assert.ok(value.description, `[${name}] ${key} has no description`);
    const otherwise = value.default === undefined ? 'required' : code(value.default);
    return [`\`${key}\``, otherwise, kindOf(value), value.description];
  });
  const heading = schema.type === 'array' ? `[[${name}]]` : `[${name}]`;
  return `## \`${heading}\`\n\n${markdownTable(['key', 'default', 'kind', 'meaning'], rows)}`;
}

test('docs/configuration.md has every key of the schema, with its default and meaning', async () => {
  const { properties } = z.toJSONSchema(configurationSchema, { io: 'input' }) as Schema;
  const sections = Object.entries(properties ?? {}).map(([name, schema]) => section(name, schema));
  assert.ok(sections.length > 0);
  await checkGeneratedPart('configuration.md', sections.join('\n\n'));
});
