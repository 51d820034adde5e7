import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { isHarmless, LocalSetup, temporaryFolder, treeOf, type Outcome } from './setup.ts';

/** Arguments; DIR stands for the folder of the setup. */
type Row = readonly [name: string, args: readonly string[], complaint: RegExp];

const add = ['jobs', 'add', '--source', 'hc'];

/** What the milestone lists, and its relatives: run as the real program. */
const spawned: readonly Row[] = [
  ['an unknown source', ['jobs', 'add', '--source', 'nope'], /there is no source nope/],
  [
    'a job name given twice',
    [...add, '--name', 'first', '--output-dir', 'elsewhere'],
    /job 1 has the name first already/,
  ],
  [
    'an output directory that an unfinished job has',
    [...add, '--name', 'other', '--output-dir', 'hc/first'],
    /job 1, which is queued, writes to .*hc\/first already/,
  ],
  [
    'the same directory under another name',
    [...add, '--name', 'other', '--output-dir', 'inside/first'],
    /job 1, which is queued, writes to .*hc\/first already/,
  ],
  ['a URL of another kind', [...add, '--seed', 'ftp://hc.example/'], /--seed ftp:.*not an http/],
  [
    'one wrong URL among right ones',
    [...add, '--seed', 'https://hc.example/', 'hc.example'],
    /--seed hc\.example: not an http/,
  ],
  [
    'a directory outside of the jobs root',
    [...add, '--output-dir', '/etc/hc'],
    /must lie below the jobs root/,
  ],
  [
    'a directory that leaves it with ..',
    [...add, '--output-dir', 'hc/../../ops'],
    /must lie below the jobs root/,
  ],
  ['a directory whose name only begins like it', [...add, '--output-dir', 'DIR/jobs2'], /must lie below/],
  ['the jobs root itself', [...add, '--output-dir', 'DIR/jobs'], /must lie below the jobs root/],
  [
    'a symbolic link that leaves the jobs root',
    [...add, '--output-dir', 'out'],
    /through a symbolic link it leaves the jobs root and ends at \/etc\b/,
  ],
  [
    'a directory behind such a link',
    [...add, '--output-dir', 'out/deep/er'],
    /through a symbolic link .* ends at \/etc\/deep\/er/,
  ],
  ['a link to the jobs root', [...add, '--output-dir', 'here'], /through a symbolic link it leaves/],
  ['a loop of links', [...add, '--output-dir', 'loop/x'], /can't be a directory \(ELOOP\)/],
];

const quick: readonly Row[] = [
  ['an empty name', [...add, '--name', ''], /a name can't be empty/],
  [
    'a name of more than 255 bytes',
    [...add, '--name', 'é'.repeat(128)],
    /at most 255 bytes, and this has 256/,
  ],
  ['a file for a directory', [...add, '--output-dir', 'file'], /file can't be a directory \(ENOTDIR\)/],
  ['a directory below a file', [...add, '--output-dir', 'file/x'], /can't be a directory \(ENOTDIR\)/],
  [
    'a directory inside that of an unfinished job',
    [...add, '--output-dir', 'hc/first/warcs'],
    /job 1, which is queued, writes to .*hc\/first, which lies above .*hc\/first\/warcs/,
  ],
  [
    'a directory above that of an unfinished job',
    [...add, '--output-dir', 'hc'],
    /job 1, which is queued, writes to .*hc\/first, which lies inside .*hc\./,
  ],
  ['a longer file name than there can be', [...add, '--output-dir', `a/${'b'.repeat(256)}`], /too long/],
  ['a longer path than there can be', [...add, '--output-dir', 'a/'.repeat(2000)], /too long/],
  ['a URL with a password', [...add, '--seed', 'https://me:secret@hc.example/'], /without user and password/],
  ['an argument too many', [...add, 'more'], /too many arguments/],
  ['a required option that is not there', ['jobs', 'add'], /required option '--source <code>' not specified/],
  ['an option without its value', ['jobs', 'add', '--source'], /argument missing/],
  ['an unknown status', ['jobs', 'list', '--status', 'done'], /Allowed choices are queued, running/],
  ['an unknown job', ['jobs', 'show', '99'], /there is no job 99/],
  ['an unknown job to cancel', ['jobs', 'cancel', '99'], /there is no job 99/],
  ['an unknown job to retry', ['jobs', 'retry', '99'], /there is no job 99/],
  ['an id that is no number', ['jobs', 'show', '1x'], /whole number/],
  ['an id beyond every number', ['jobs', 'show', '9'.repeat(40)], /whole number/],
  ['a negative age', ['jobs', 'recover-stale', '--older-than-minutes', '-1'], /whole number of minutes/],
  ['a year that is none', ['campaign', 'schedule', '--year', '26'], /It must be a year/],
  ['no year', ['campaign', 'schedule'], /required option '--year <year>'/],
  ['two ways to end', ['worker', 'run', '--once', '--drain'], /cannot be used with/],
  [
    'a code with a space',
    ['sources', 'add', '--code', 'h c', '--name', 'x', '--seed', 'http://x/'],
    /--code/,
  ],
  [
    'a code twice',
    ['sources', 'add', '--code', 'hc', '--name', 'x', '--seed', 'http://x/'],
    /there is a source hc/,
  ],
  ['a source of no URL', ['sources', 'add', '--code', 'x', '--name', 'x', '--seed', 'x'], /not an http/],
  [
    'a pause that goes back in time',
    ['sources', 'add', '--code', 'x', '--name', 'x', '--seed', 'http://x/', '--wait-seconds', '-1'],
    /seconds from 0 to 3600/,
  ],
  [
    'a port without a host',
    [...add, '--seed', 'http:8080/'],
    /not an http:\/\/ or https:\/\/ URL with a host/,
  ],
  ['a job without a name', [...add, '--name', ' '], /--name " ": a name can't be empty/],
  [
    'a source without a name',
    ['sources', 'add', '--code', 'x', '--name', '', '--seed', 'http://x/'],
    /--name "": a name can't be empty/,
  ],
  [
    'a source whose name does not end',
    ['sources', 'add', '--code', 'x', '--name', 'n'.repeat(256), '--seed', 'http://x/'],
    /a name has at most 255 bytes, and this has 256/,
  ],
  ['a source that is edited in nothing', ['sources', 'edit', 'hc'], /nothing to change: give --name, --seed/],
  ['a source that is not there', ['sources', 'edit', 'nope', '--name', 'x'], /there is no source nope/],
  ['a source that is edited to no URL', ['sources', 'edit', 'hc', '--seed', 'x'], /not an http/],
  ['the removal of a source that is not there', ['sources', 'remove', 'nope'], /there is no source nope/],
  ['no folder', ['init', '--dir', ''], /name of a folder/],
  ['another shell', ['completion', 'zsh'], /Allowed choices are bash/],
  ['watching without a pause', ['jobs', 'watch', '--interval', '0'], /seconds from 0.1/],
  ['an unknown command', ['jbos'], /unknown command 'jbos'\n\(Did you mean jobs\?\)/],
  ['an unknown command of a noun', ['jobs', 'lsit'], /unknown command 'lsit'\n\(Did you mean list\?\)/],
  [
    'an unknown option',
    ['jobs', 'list', '--statu', 'x'],
    /unknown option '--statu'\n\(Did you mean --status\?\)/,
  ],
  ['a noun without a command', ['jobs'], /Usage: healtharchive jobs/],
  ['terminal escapes in a wrong word', ['jobs', 'list', '--status', '\u001b[2J'], /argument '\\u001b\[2J'/],
  ['terminal escapes in a wrong source', ['jobs', 'add', '--source', '\u001b[2J'], /no source \\u001b\[2J/],
];

describe('bad input: status 2, one sentence, nothing written', { concurrency: 2 }, () => {
  const setup = new LocalSetup(join(temporaryFolder({ after }), 'setup'));
  let database: string;
  let tree: Record<string, string>;
  before(async () => {
    await setup.initialise();
    mkdirSync(join(setup.jobsRoot, 'hc'));
    for (const [name, target] of [
      ['out', '/etc'],
      ['here', '.'],
      ['inside', 'hc'],
      ['loop', 'loop'],
    ] as const)
      symlinkSync(target, join(setup.jobsRoot, name));
    writeFileSync(join(setup.jobsRoot, 'file'), '');
    await setup.ask('jobs', 'add', '--source', 'hc', '--name', 'first');
    database = setup.databaseContent();
    tree = treeOf(setup.jobsRoot);
  });

  function check({ status, stdout, stderr }: Outcome, complaint: RegExp): void {
    assert.equal(status, 2, stderr);
    assert.match(stderr, complaint);
    assert.match(stderr, /^(healtharchive: .*\.\n|error: |Usage: )/);
    assert.doesNotMatch(stderr, /\n {4}at |this is a bug/, 'a stack is for bugs');
    assert.ok(isHarmless(stderr), JSON.stringify(stderr));
    assert.equal(stdout, '');
    assert.equal(setup.databaseContent(), database, 'the database has changed');
    assert.deepEqual(treeOf(setup.jobsRoot), tree);
  }

  for (const [how, rows] of [
    ['spawn', spawned],
    ['run', quick],
  ] as const) {
    for (const [name, args, complaint] of rows) {
      test(name, async () => {
        check(await setup[how](...args.map((arg) => arg.replace('DIR', setup.dir))), complaint);
      });
    }
  }
});
