/** The examples of `ops/` as users get them, with the values of a lab host: so what users begin with is what is tested. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const OPS = join(import.meta.dirname, '../ops');

/** Text of an example, e.g. `storagebox.env.example`. */
export function shippedExample(name: string): string {
  return readFileSync(join(OPS, name), 'utf8');
}

/** Puts other values to names that the example sets in lines of NAME=VALUE or `name = value`. */
export function withValues(example: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((text, [name, value]) => {
    const line = new RegExp(`^(${name} ?= ?).*$`, 'm');
    if (!line.test(text)) throw new Error(`the example does not set ${name}`);
    return text.replace(line, (_, beginning: string) => beginning + value);
  }, example);
}

/** The value of NAME=VALUE. */
export function valueOf(example: string, name: string): string {
  const value = new RegExp(`^${name}=(.*)$`, 'm').exec(example)?.[1];
  if (value === undefined) throw new Error(`the example does not set ${name}`);
  return value;
}

/** Puts other values to options of the form NAME=VALUE that a list of them holds. */
export function withOptions(
  list: string,
  separator: string,
  values: Readonly<Record<string, string>>,
): string {
  const left = new Set(Object.keys(values));
  const options = list.split(separator).map((option) => {
    const name = option.split('=')[0] ?? '';
    return left.delete(name) ? `${name}=${values[name] ?? ''}` : option;
  });
  if (left.size > 0) throw new Error(`the example has no option ${[...left].join(', ')}`);
  return options.join(separator);
}
