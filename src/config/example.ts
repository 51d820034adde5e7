import * as z from 'zod';
import { configurationSchema } from './schema.ts';

/** The part of JSON Schema that the configuration makes use of. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

const width = 110;

/** What stands for a key that has no default. */
const examples: Readonly<Record<string, string>> = {
  path: '/srv/healtharchive/jobs/special',
  unit: 'hot-special.service',
};

/** A configuration file that says nothing: every key with its meaning and its default, as comments. */
export function exampleConfiguration(): string {
  const { properties = {} } = z.toJSONSchema(configurationSchema, { io: 'input' }) as Schema;
  return [
    '# HealthArchive on a server. Every key stands here with its default: take the # away to set another value.',
    '# After a change: healtharchive ops verify',
    '',
    ...Object.entries(properties).flatMap(([name, schema]) => table(name, schema)),
  ].join('\n');
}

function table(name: string, schema: Schema): string[] {
  const isList = schema.type === 'array';
  const keys = (isList ? schema.items : schema)?.properties ?? {};
  return [
    isList ? `#[[${name}]]` : `[${name}]`,
    ...Object.entries(keys).flatMap(([key, { description = '', default: value }]) => [
      ...wrapped(description).map((line) => `# ${line}`),
      // JSON writes these values as TOML does.
      `#${key} = ${JSON.stringify(value ?? examples[key])}`,
    ]),
    '',
  ];
}

function wrapped(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}
