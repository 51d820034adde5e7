import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfiguration } from '../../src/config/load.ts';
import { ConfigurationError } from '../../src/core/errors.ts';

const file = '/etc/ha/config.toml';

/** A wrong file, and everything that is said about it: the file, the key, the value and what would be right. */
const cases: readonly (readonly [name: string, text: string, message: string])[] = [
  [
    'an unknown key',
    '[worker]\npoll_second = 5',
    'unknown key [worker] poll_second = 5; did you mean poll_seconds?',
  ],
  [
    'a key under the wrong table',
    '[paths]\nconcurrency = 4',
    'unknown key [paths] concurrency = 4; it belongs under [worker].',
  ],
  [
    'a key under the wrong table, where one of its own is spelt alike',
    '[worker]\nmax_per_hour = 4',
    'unknown key [worker] max_per_hour = 4; it belongs under [recovery] or [autostart].',
  ],
  [
    'a key before any table',
    'jobs_root = "/srv/jobs"',
    'unknown key jobs_root = "/srv/jobs"; it belongs under [paths].',
  ],
  ['an unknown table', '[workers]\nname = "a"', 'unknown key workers = {"name":"a"}; did you mean worker?'],
  [
    'a table that nothing is like',
    '[monitoring]\nport = 1',
    'unknown key monitoring = {"port":1}; known here are: database, paths, storagebox, hot_mounts, tiering, worker, crawler, recovery, autostart, deploy.',
  ],
  [
    'a key that nothing is like',
    '[deploy]\nstrategy = "blue-green"',
    'unknown key [deploy] strategy = "blue-green"; known here are: lock_max_age_seconds.',
  ],
  [
    'a unit in a number',
    '[worker]\npoll_seconds = "5s"',
    '[worker] poll_seconds = "5s": must be a number (a plain number of seconds, without quotes or unit).',
  ],
  [
    'a percent sign',
    '[worker]\nmin_free_percent = "15%"',
    '[worker] min_free_percent = "15%": must be a number (a plain number of percent, without quotes or unit).',
  ],
  ['a number as text', '[worker]\nconcurrency = "2"', '[worker] concurrency = "2": must be a number.'],
  ['a number for a text', '[worker]\nname = 5', '[worker] name = 5: must be a text in quotes.'],
  [
    'a negative time',
    '[worker]\nstop_grace_seconds = -1',
    '[worker] stop_grace_seconds = -1: must be at least 0.',
  ],
  [
    'more than there can be',
    '[worker]\nmin_free_percent = 100',
    '[worker] min_free_percent = 100: must be at most 99.',
  ],
  ['half a worker', '[worker]\nconcurrency = 1.5', '[worker] concurrency = 1.5: must be a whole number.'],
  [
    'a time without end',
    '[worker]\npoll_seconds = inf',
    '[worker] poll_seconds = Infinity: must be a number.',
  ],
  [
    'a relative path',
    '[paths]\nstate_dir = "ops"',
    '[paths] state_dir = "ops": must be an absolute path (begin with /).',
  ],
  [
    'an empty path',
    '[paths]\njobs_root = ""',
    '[paths] jobs_root = "": must be an absolute path (begin with /).',
  ],
  [
    'a path that no system call takes',
    '[paths]\njobs_root = "/srv/\\u0000"',
    '[paths] jobs_root = "/srv/\\\\u0000": must not contain a NUL character.',
  ],
  [
    'a relative database',
    '[database]\nurl = "sqlite:archive.db"',
    '[database] url = "sqlite:archive.db": must be "sqlite:/absolute/path.db" or "postgres://...".',
  ],
  [
    'a database address with a password in it: it is not repeated',
    '[database]\nurl = "postgre://me:hunter2@db/archive"',
    '[database] url = "postgre://…@db/archive": must be "sqlite:/absolute/path.db" or "postgres://...".',
  ],
  [
    'a password under a misspelt heading: neither',
    '[databse]\nurl = "postgres://me:hunter2@db/archive"',
    'unknown key databse = {"url":"postgres://…@db/archive"}; did you mean database?',
  ],
  [
    'no systemd unit',
    '[worker]\nunit = "worker"',
    '[worker] unit = "worker": must be the name of a systemd unit, with its ending (.service, .mount).',
  ],
  [
    'no errno',
    '[storagebox]\nstale_errnos = ["ENOTCONN", "107"]',
    '[storagebox] stale_errnos, entry 2 = "107": is no errno of Linux; it must be one such as "ENOTCONN".',
  ],
  [
    'a word of a few that is none of them',
    '[crawler]\nkind = "curl"',
    '[crawler] kind = "curl": must be "http" or "container".',
  ],
  [
    'a preset that is none',
    '[crawler]\npreset = "heritrix"',
    '[crawler] preset = "heritrix": must be "browsertrix", "zimit", or a list of arguments.',
  ],
  [
    'one table where many may be',
    '[hot_mounts]\npath = "/a"\nunit = "a.mount"',
    'hot_mounts = {"path":"/a","unit":"a.mount"}: must be a list, in [ ] (write [[hot_mounts]], with two brackets, once for each).',
  ],
  [
    'many tables where one may be',
    '[[worker]]\nname = "a"',
    'worker = [{"name":"a"}]: must be a table (write [worker], with one bracket, once).',
  ],
  ['a value where a table must be', 'worker = 5', 'worker = 5: must be a table.'],
  [
    'half a hot mount',
    '[[hot_mounts]]\npath = "/a"',
    '[[hot_mounts]] (the 1st) unit is missing: must be a text in quotes.',
  ],
  [
    'a wrong key of a hot mount',
    '[[hot_mounts]]\npaths = "/a"\npath = "/a"\nunit = "a.mount"',
    'unknown key [[hot_mounts]] (the 1st) paths = "/a"; did you mean path?',
  ],
  [
    'a container without an image',
    '[crawler]\nkind = "container"',
    '[crawler] image = "": kind = "container" needs the name of an image.',
  ],
  [
    'a storage box without a folder on it',
    '[storagebox]\ncold_root = ""',
    '[storagebox] cold_root = "": with a storage box it must name a folder on it.',
  ],
  [
    'a misspelt errno',
    '[storagebox]\nstale_errnos = ["ENOTCON"]',
    '[storagebox] stale_errnos, entry 1 = "ENOTCON": is no errno of Linux; did you mean "ENOTCONN"?',
  ],
  [
    'the errno of healthy storage',
    '[storagebox]\nstale_errnos = ["ENOENT"]',
    '[storagebox] stale_errnos, entry 1 = "ENOENT": is how healthy storage answers, when it is asked for a name that is not there.',
  ],
  [
    'nothing that counts as dead',
    '[storagebox]\nstale_errnos = []',
    '[storagebox] stale_errnos = []: must not be empty.',
  ],
  [
    'a cold root that is not on the box',
    '[storagebox]\nmount = "/box/"\ncold_root = "/boxes/jobs"',
    '[storagebox] cold_root = "/boxes/jobs": must lie on the storage box, at or below mount, which is "/box/".',
  ],
  [
    'state among the jobs',
    '[paths]\njobs_root = "/srv/jobs/"\nstate_dir = "/srv/jobs/../jobs/ops"',
    '[paths] state_dir = "/srv/jobs/../jobs/ops": must not lie in jobs_root, whose paths become mounts of the storage box.',
  ],
  [
    'state on the storage box',
    '[paths]\nstate_dir = "/srv/healtharchive/storagebox/ops"',
    '[paths] state_dir = "/srv/healtharchive/storagebox/ops": must lie on the local disk, not on the storage box ("/srv/healtharchive/storagebox").',
  ],
  [
    'a first wait that is longer than the longest',
    '[recovery]\nbackoff_max_seconds = 10',
    '[recovery] backoff_initial_seconds = 30: must be at most backoff_max_seconds, which is 10.',
  ],
  [
    'a hot mount that is the jobs root',
    '[[hot_mounts]]\npath = "/srv/healtharchive/jobs/"\nunit = "a.mount"',
    '[[hot_mounts]] path = "/srv/healtharchive/jobs/": must lie below jobs_root, which is "/srv/healtharchive/jobs".',
  ],
  [
    'a hot mount elsewhere',
    '[[hot_mounts]]\npath = "/srv/healtharchive/jobs2/a"\nunit = "a.mount"',
    '[[hot_mounts]] path = "/srv/healtharchive/jobs2/a": must lie below jobs_root, which is "/srv/healtharchive/jobs".',
  ],
  [
    'a hot mount of the unit of the storage box',
    '[[hot_mounts]]\npath = "/srv/healtharchive/jobs/a"\nunit = "healtharchive-storagebox-sshfs.service"',
    '[[hot_mounts]] unit = "healtharchive-storagebox-sshfs.service": is the storage box\'s own; a hot mount has a unit of its own.',
  ],
  [
    'a hot mount of the unit of the worker',
    '[[hot_mounts]]\npath = "/srv/healtharchive/jobs/a"\nunit = "healtharchive-worker.service"',
    '[[hot_mounts]] unit = "healtharchive-worker.service": is the worker\'s own; a hot mount has a unit of its own.',
  ],
  [
    'one hot mount twice',
    '[[hot_mounts]]\npath = "/srv/healtharchive/jobs/a"\nunit = "a.mount"\n[[hot_mounts]]\npath = "/srv/healtharchive/jobs/a/"\nunit = "b.mount"',
    '[[hot_mounts]] path = "/srv/healtharchive/jobs/a/": stands there twice.',
  ],
  [
    'terminal escapes in a key and in a value',
    '[worker]\n"\\u001b[2J" = "\\u001b[31m"',
    'unknown key [worker] \\u001b[2J = "\\\\u001b[31m"; known here are: unit, name, user, concurrency, poll_seconds, max_retries, retry_backoff_seconds, infra_error_cooldown_seconds, stop_grace_seconds, min_free_percent.',
  ],
];

function complaintAbout(text: string, path = file): string {
  try {
    parseConfiguration(text, path);
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error.message;
  }
  assert.fail('the file was taken');
}

for (const [name, text, message] of cases) {
  test(name, () => {
    assert.equal(complaintAbout(text), `${file}: ${message}`);
  });
}

test('everything that is wrong is said at once, a line each, and each line names the file', () => {
  const lines = complaintAbout('[worker]\npoll_second = 5\nconcurrency = 0\n[paths]\nstate_dir = "x"').split(
    '\n',
  );
  assert.equal(lines.length, 3);
  for (const line of lines) assert.ok(line.startsWith(`${file}: `), line);
});

const notToml: readonly (readonly [string, string, number])[] = [
  ['no TOML at all', 'this is no TOML', 1],
  ['a missing quote', '[worker]\n\nname = "a\n', 3],
  ['a key twice', '[worker]\nname = "a"\nname = "b"', 3],
  ['a table twice', '[worker]\nname = "a"\n[worker]', 3],
  ['a value without a unit that TOML knows', '[worker]\npoll_seconds = 5s', 2],
  ['yes for true', '[worker]\nname = yes', 2],
];

for (const [name, text, line] of notToml) {
  test(`${name}: named with its line`, () => {
    assert.match(complaintAbout(text), new RegExp(`^${file}, line ${line}: \\S.*$`));
  });
}

test('a file name with terminal escapes is shown escaped', () => {
  assert.match(complaintAbout('x', '/etc/\u001b[2J'), /^\/etc\/\\u001b\[2J, line 1: /);
});

/** Of the library that checks the file, and not of the file. */
const jargon = /\b(expected|received|invalid|int|nonoptional|undefined|NaN|>=|<=|characters? to)\b/i;

test('no words of the library in any message about a value of a wrong kind', () => {
  const values = ['5', '1.5', '-1', '1e99', 'nan', '"x"', '""', 'true', '[]', '[5]', '{}', '1979-05-27'];
  for (const [table, keys] of Object.entries(parseConfiguration('', file)))
    for (const key of Array.isArray(keys) ? [] : Object.keys(keys))
      for (const value of values) {
        const text = `[${table}]\n${key} = ${value}`;
        let message = '';
        try {
          parseConfiguration(text, file);
        } catch (error) {
          message = (error as Error).message.replace(/^[^:]*: [^:]*:/, '');
        }
        assert.doesNotMatch(message, jargon, text);
      }
});
