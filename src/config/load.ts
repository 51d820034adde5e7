import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { ConfigurationError } from '../core/errors.ts';
import { escapeForTerminal } from '../core/text/escape.ts';
import { explainIssues } from './explain.ts';
import { contradictionsOf } from './contradictions.ts';
import { configurationSchema, type Configuration } from './schema.ts';

export const defaultConfigurationFile = '/etc/healtharchive/config.toml';

/** The file to read: --config, else $HEALTHARCHIVE_CONFIG, else the system's. Never one in the working directory. */
export function configurationFile(option: string | undefined, environment: NodeJS.ProcessEnv): string {
  if (option !== undefined) return option;
  const named = environment['HEALTHARCHIVE_CONFIG'];
  return named === undefined || named === '' ? defaultConfigurationFile : named;
}

/**
 * Turns the text of a configuration file into a checked configuration with every default filled in.
 * @throws ConfigurationError that names the file, each wrong key with its value, and what would be right
 */
export function parseConfiguration(text: string, file: string): Configuration {
  const shownFile = escapeForTerminal(file);
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const firstLine = error.message.split('\n')[0] ?? '';
    throw new ConfigurationError(`${shownFile}, line ${error.line}: ${firstLine}`);
  }
  const result = configurationSchema.safeParse(document);
  if (!result.success) {
    throw new ConfigurationError(
      `${shownFile}: ${explainIssues(result.error, document).join(`\n${shownFile}: `)}`,
    );
  }
  const contradictions = contradictionsOf(result.data);
  if (contradictions.length > 0)
    throw new ConfigurationError(contradictions.map((one) => `${shownFile}: ${one}.`).join('\n'));
  return result.data;
}

/**
 * Reads and checks the configuration. $HEALTHARCHIVE_DATABASE_URL overrides database.url.
 * @throws ConfigurationError
 */
export function loadConfiguration(file: string, environment: NodeJS.ProcessEnv): Configuration {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
    const what = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new ConfigurationError(
      `configuration file ${escapeForTerminal(file)} ${what}.`,
      'name one with --config FILE or $HEALTHARCHIVE_CONFIG, or make a local setup: healtharchive init --dir DIR',
    );
  }
  const configuration = parseConfiguration(text, file);
  const url = environment['HEALTHARCHIVE_DATABASE_URL'];
  if (url === undefined || url === '') return configuration;
  const checked = configurationSchema.shape.database.safeParse({ url });
  if (!checked.success) {
    // The value is a secret: it is not shown.
    throw new ConfigurationError(
      '$HEALTHARCHIVE_DATABASE_URL: must be "sqlite:/absolute/path.db" or "postgres://...".',
    );
  }
  return { ...configuration, database: checked.data };
}
