import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { configurationFile, defaultConfigurationFile, loadConfiguration } from '../../src/config/load.ts';
import { ConfigurationError } from '../../src/core/errors.ts';

const choices: readonly (readonly [string, string | undefined, NodeJS.ProcessEnv, string])[] = [
  ['nothing said', undefined, {}, '/etc/healtharchive/config.toml'],
  ['an empty variable', undefined, { HEALTHARCHIVE_CONFIG: '' }, '/etc/healtharchive/config.toml'],
  ['the variable', undefined, { HEALTHARCHIVE_CONFIG: '/a.toml' }, '/a.toml'],
  ['the option wins', '/b.toml', { HEALTHARCHIVE_CONFIG: '/a.toml' }, '/b.toml'],
];

for (const [name, option, environment, expected] of choices) {
  test(`which file: ${name}`, () => {
    assert.equal(configurationFile(option, environment), expected);
  });
}

describe('load', () => {
  const folder = mkdtempSync(join(tmpdir(), 'healtharchive-config-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const file = join(folder, 'config.toml');
  writeFileSync(file, '[database]\nurl = "sqlite:/in/the/file.db"\n');

  function refusal(path: string, environment: NodeJS.ProcessEnv = {}): ConfigurationError {
    try {
      loadConfiguration(path, environment);
    } catch (error) {
      assert.ok(error instanceof ConfigurationError, String(error));
      return error;
    }
    assert.fail('the configuration was taken');
  }

  test('the environment overrides the database address, and nothing else', () => {
    assert.equal(loadConfiguration(file, {}).database.url, 'sqlite:/in/the/file.db');
    assert.equal(
      loadConfiguration(file, { HEALTHARCHIVE_DATABASE_URL: '' }).database.url,
      'sqlite:/in/the/file.db',
    );
    const url = 'postgres://me:hunter2@db/archive';
    const overridden = loadConfiguration(file, {
      HEALTHARCHIVE_DATABASE_URL: url,
      HEALTHARCHIVE_WORKER_NAME: 'x',
    });
    assert.equal(overridden.database.url, url);
    assert.equal(overridden.worker.name, '');
  });

  test('a wrong address in the environment is refused, and not repeated', () => {
    const { message } = refusal(file, { HEALTHARCHIVE_DATABASE_URL: 'mysql://me:hunter2@db/archive' });
    assert.match(message, /^\$HEALTHARCHIVE_DATABASE_URL: must be "sqlite:/);
    assert.doesNotMatch(message, /hunter2/);
  });

  test('a missing file: its name, and how to name or make one', () => {
    const { message, fix } = refusal(join(folder, 'absent.toml'));
    assert.equal(message, `configuration file ${folder}/absent.toml does not exist.`);
    assert.match(fix ?? '', /--config FILE or \$HEALTHARCHIVE_CONFIG.*healtharchive init --dir DIR/);
  });

  test('a folder instead of a file', () => {
    assert.equal(refusal(folder).message, `configuration file ${folder} cannot be read (EISDIR).`);
  });

  test('a file that we may not read', () => {
    const secret = join(folder, 'secret.toml');
    writeFileSync(secret, '');
    chmodSync(secret, 0);
    chmodSync(folder, 0o755);
    asOrdinaryUser(() => {
      assert.equal(refusal(secret).message, `configuration file ${secret} cannot be read (EACCES).`);
    });
  });

  test('the default is the one of the contract', () => {
    assert.equal(defaultConfigurationFile, '/etc/healtharchive/config.toml');
  });
});

/** Root may read everything, so it becomes `nobody` for the length of `act`. */
function asOrdinaryUser(act: () => void): void {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    act();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
