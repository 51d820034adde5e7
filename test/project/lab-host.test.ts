/** A lab host is made as the documents tell people to make a server: what works in the one works in the other. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8');

test('user and folders of a lab host are those of the documents', () => {
  const section =
    /^## User and folders$(.*?)^## /ms.exec(read('docs/deployment/systemd/README.md'))?.[1] ?? '';
  const commands = section
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(useradd|install) /.test(line));
  assert.equal(commands.length, 4, section);
  const made = read('lab/inside/host-init.sh').split('\n');
  for (const command of commands)
    assert.ok(
      made.some((line) => line.trim() === command),
      command,
    );
});
