import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { redact, redactedJson } from '../../../src/core/text/redact.ts';

describe('what is not for everybody’s eyes is hidden', () => {
  const table: readonly [string, string][] = [
    ['postgres://ha:s3cret@db.example/x', 'postgres://[hidden]@db.example/x'],
    ['postgres://ha:a@b@db/x?y=1', 'postgres://[hidden]@db/x?y=1'],
    ['https://token@example.org/ and more', 'https://[hidden]@example.org/ and more'],
    ['PGPASSWORD=s3cret psql', 'PGPASSWORD=[hidden] psql'],
    ['password: s3cret', 'password: [hidden]'],
    ['{"password":"s3 cret","port":1}', '{"password":[hidden],"port":1}'],
    [String.raw`"{\"api_key\":\"s3 cret\"}"`, String.raw`"{\"api_key\":[hidden]}"`],
    ["secret = 's3 cret'", 'secret = [hidden]'],
    [String.raw`"token":"s3\"cret", "a":1`, '"token":[hidden], "a":1'],
    ['https://example.org/?access_token=s3cret&page=2', 'https://example.org/?access_token=[hidden]&page=2'],
    ['wget --http-password s3cret --recursive', 'wget --http-password [hidden] --recursive'],
    ['wget --password=s3cret --recursive', 'wget --password=[hidden] --recursive'],
    ['Authorization: Basic czNjcmV0', 'Authorization: [hidden]'],
    [
      'a\n-----BEGIN OPENSSH PRIVATE KEY-----\nczNjcmV0\n-----END OPENSSH PRIVATE KEY-----\nb',
      'a\n[hidden]\nb',
    ],
    ['-----BEGIN PRIVATE KEY-----\nczNjcmV0 and cut', '[hidden]'],
  ];
  for (const [text, expected] of table)
    test(JSON.stringify(text), () => {
      assert.equal(redact(text), expected);
    });
});

describe('what is no secret stays, letter by letter', () => {
  for (const text of [
    'storage@storagebox:/home/storage/files /srv/healtharchive/storagebox fuse.sshfs rw',
    '-o IdentityFile=/etc/healtharchive/id_ed25519,reconnect',
    'http://127.0.0.1:8001/en/@page',
    'Transport endpoint is not connected',
    'passwd(5) is a page of the manual',
    '--password-file /etc/x --token',
  ])
    test(text, () => {
      assert.equal(redact(text), text);
    });
});

test('a document stays JSON, and nothing of a secret is left in it', () => {
  const secret = fc.stringMatching(/^[^"\\]{8,20}$/).map((text) => `Zq${text}`);
  const inner = fc.dictionary(fc.constantFrom('secret', 'b'), secret);
  fc.assert(
    fc.property(secret, inner, fc.string(), (token, place, other) => {
      const shown = redactedJson({
        token,
        place: new Map(Object.entries(place)),
        other: new Set([`password="${token}"`, other]),
      });
      const { place: shownPlace } = JSON.parse(shown) as { place: object };
      assert.deepEqual(Object.keys(shownPlace), Object.keys(place));
      assert.equal(JSON.stringify(shown).includes(token), false);
    }),
  );
});

test('a secret in one of the known forms never comes through, whatever is around it', () => {
  const word = fc.stringMatching(/^[A-Za-z0-9._~+-]{8,20}$/).map((text) => `Zq${text}`);
  const around = fc.string({ maxLength: 20 });
  const form = fc.constantFrom<(secret: string) => string>(
    (secret) => `postgres://ha:${secret}@db/x`,
    (secret) => `\npassword=${secret}`,
    (secret) => `\n"token": "${secret}"`,
    (secret) => `\nauthorization: bearer ${secret}`,
    (secret) => ` --password ${secret}`,
  );
  fc.assert(
    fc.property(word, form, around, around, (secret, write, before, after) => {
      assert.equal(redact(`${before} ${write(secret)} ${after}`).includes(secret), false);
    }),
  );
});
