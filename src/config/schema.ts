import * as z from 'zod';
import { nearestWord } from '../core/text/nearest.ts';
import { errnoNames } from '../effects/storage/errno-name.ts';

// One file is read: to compile a parser for it takes longer.
z.config({ jitless: true });

/*
 * Every configuration key: its type, its default and what it means. The types of the program and the reference in
 * docs/configuration.md come from here. Numbers carry their unit in the name of their key.
 */

const pathText = z
  .string()
  .refine((value) => !value.includes('\0'), { error: 'must not contain a NUL character', abort: true });
const absolutePath = pathText.refine(
  (value) => value.startsWith('/'),
  'must be an absolute path (begin with /)',
);
const absolutePathOrEmpty = pathText.refine(
  (value) => value === '' || value.startsWith('/'),
  'must be an absolute path (begin with /), or ""',
);
const unitName = z
  .string()
  .regex(
    /^[A-Za-z0-9:_.\\@-]+\.(service|mount)$/,
    'must be the name of a systemd unit, with its ending (.service, .mount)',
  );
/** What dead storage may answer with. ENOENT is what healthy storage says of a name that is not there. */
const staleable = [...errnoNames()].filter((name) => name !== 'ENOENT').sort();
function wrongErrno({ input }: { readonly input?: unknown }): string {
  if (input === 'ENOENT')
    return 'is how healthy storage answers, when it is asked for a name that is not there';
  const near = nearestWord(String(input), staleable);
  return `is no errno of Linux${near === null ? '; it must be one such as "ENOTCONN"' : `; did you mean "${near}"?`}`;
}
const wholeNumber = (minimum: number, maximum: number) => z.number().int().min(minimum).max(maximum);
const seconds = (minimum: number, maximum: number) => z.number().min(minimum).max(maximum);

const oneYearSeconds = 366 * 24 * 3600;

const database = z.strictObject({
  url: z
    .string()
    .refine(
      (value) => /^sqlite:\/[^/]/.test(value) || /^postgres(ql)?:\/\//.test(value),
      'must be "sqlite:/absolute/path.db" or "postgres://..."',
    )
    .default('sqlite:/srv/healtharchive/db/healtharchive.db')
    .describe('Where jobs are kept. $HEALTHARCHIVE_DATABASE_URL overrides it, for secrets.'),
});

const paths = z.strictObject({
  jobs_root: absolutePath
    .default('/srv/healtharchive/jobs')
    .describe('Every output directory lies strictly below it.'),
  state_dir: absolutePath
    .default('/srv/healtharchive/ops')
    .describe('Locks, attempt logs, watchdog state, evidence, status page. Local disk only.'),
  sentinel_dir: absolutePath
    .default('/etc/healtharchive')
    .describe('Where the files lie that enable an automation each.'),
  textfile_dir: absolutePathOrEmpty
    .default('/var/lib/node_exporter/textfile_collector')
    .describe('node_exporter\'s textfile folder; "" turns metrics files off.'),
  deploy_lock: absolutePath
    .default('/run/healtharchive/deploy.lock')
    .describe('Held (flock) while a deploy runs.'),
});

const storagebox = z.strictObject({
  mount: absolutePathOrEmpty
    .default('/srv/healtharchive/storagebox')
    .describe(
      'The base: where the storage box is mounted. "" means that there is none, and nothing is tiered.',
    ),
  cold_root: absolutePathOrEmpty
    .default('/srv/healtharchive/storagebox/jobs')
    .describe('Cold path = cold_root + the hot path relative to jobs_root.'),
  unit: unitName.default('healtharchive-storagebox-sshfs.service').describe('The unit that mounts the base.'),
  fstype: z
    .string()
    .min(1)
    .default('fuse.sshfs')
    .describe('File system type of the base: fuse.sshfs, fuse.rclone, nfs4, ...'),
  stale_errnos: z
    .array(z.string().refine((name) => staleable.includes(name), { error: wrongErrno }))
    .min(1)
    .default(['ENOTCONN'])
    .describe('What counts as a dead mount. NFS users add "ESTALE".'),
});

const hotMount = z.strictObject({
  path: absolutePath.describe('A hot path that is a mount of its own, not a bind of the base.'),
  unit: unitName.describe('The unit that mounts it.'),
});

const tiering = z.strictObject({
  manifest: absolutePath
    .default('/etc/healtharchive/warc-tiering.binds')
    .describe('Lines of "COLD HOT"; # begins a comment. It may be absent.'),
});

const worker = z.strictObject({
  unit: unitName.default('healtharchive-worker.service').describe("The worker's unit."),
  name: z.string().max(128).default('').describe('Identity of the worker; "" means the host name.'),
  user: z.string().min(1).default('healtharchive').describe('The user the worker runs as in production.'),
  concurrency: wholeNumber(1, 64).default(1).describe('Attempts at the same time.'),
  poll_seconds: seconds(0.05, 3600)
    .default(5)
    .describe(
      'Pause between looks at the queue when nothing can run; up to 30 s while many jobs are parked and nothing changes.',
    ),
  max_retries: wholeNumber(0, 1000)
    .default(2)
    .describe('Further attempts after a crawl failure. Infra errors never count.'),
  retry_backoff_seconds: seconds(0, 3600)
    .default(60)
    .describe('Wait after the first crawl failure; doubles with each one up to 3600.'),
  infra_error_cooldown_seconds: seconds(0, oneYearSeconds)
    .default(600)
    .describe('How long an infra error keeps the job from being attempted again.'),
  stop_grace_seconds: seconds(0, 3600).default(60).describe('From TERM to KILL when a crawl is stopped.'),
  min_free_percent: z
    .number()
    .min(0)
    .max(99)
    .default(15)
    .describe('Free space of the local disk below which the worker starts nothing.'),
});

const crawler = z.strictObject({
  kind: z
    .enum(['http', 'container'])
    .default('http')
    .describe('What crawls: the crawler of this product, or a container image.'),
  user_agent: z
    .string()
    .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, 'must be one line of visible ASCII characters')
    .default('Mozilla/5.0 (compatible; HealthArchive/0.1; web archive of public health bodies)')
    .describe(
      'kind = "http" only: what it calls itself to servers; add an address where you can be reached. robots.txt knows it as HealthArchive.',
    ),
  requisites_from_other_hosts: z
    .boolean()
    .default(true)
    .describe(
      'kind = "http" only: whether style sheets, pictures and the like are fetched from hosts that are not of the seeds.',
    ),
  outage_patience_seconds: seconds(1, oneYearSeconds)
    .default(1800)
    .describe('kind = "http" only: how long an attempt waits for a source that can not be reached.'),
  max_response_seconds: seconds(1, 7 * 24 * 3600)
    .default(3600)
    .describe('kind = "http" only: an answer that takes longer is cut, and archived as that.'),
  max_response_bytes: wholeNumber(1_000_000, 1e13)
    .default(10_000_000_000)
    .describe('kind = "http" only: an answer that is larger is cut, and archived as that.'),
  stall_seconds: seconds(10, oneYearSeconds)
    .default(1800)
    .describe(
      'After this long without an address finished or a byte archived, a crawl is ended and tried again.',
    ),
  engine: z
    .enum(['podman', 'docker'])
    .default('podman')
    .describe('kind = "container" only: the container engine.'),
  image: z.string().default('').describe('kind = "container" only: the image, with its tag or digest.'),
  preset: z
    .union([z.enum(['browsertrix', 'zimit']), z.array(z.string()).min(1)], {
      error: 'must be "browsertrix", "zimit", or a list of arguments',
    })
    .default('browsertrix')
    .describe(
      'kind = "container" only: how the image is called: "browsertrix", "zimit", or its arguments as a list in which {seeds}, {attempt} and {output} are replaced.',
    ),
});

const recovery = z.strictObject({
  next_jobs: wholeNumber(0, 1000).default(10).describe('How many waiting jobs recovery looks after.'),
  probe_timeout_seconds: seconds(0.1, 60)
    .default(5)
    .describe('After this long without an answer a mount is hung.'),
  confirm_probes: wholeNumber(1, 10)
    .default(2)
    .describe('Lookups that must agree before a mount counts as dead.'),
  confirm_interval_seconds: seconds(0, 60).default(1).describe('Time between these lookups.'),
  backoff_initial_seconds: seconds(0, 86400)
    .default(30)
    .describe('Wait before the same mount is repaired again.'),
  backoff_max_seconds: seconds(0, 86400).default(900).describe('That wait doubles up to this.'),
  max_per_hour: wholeNumber(0, 1000).default(6).describe('Recoveries per hour.'),
  max_per_day: wholeNumber(0, 10000).default(24).describe('Recoveries per day.'),
  max_per_job_per_day: wholeNumber(0, 1000).default(6).describe('Recoveries per job and day.'),
  abort_hung_after_seconds: seconds(0, 86400)
    .default(0)
    .describe('Abort the FUSE connection of a mount that hangs this long; 0: never.'),
});

const autostart = z.strictObject({
  cooldown_seconds: seconds(0, 86400).default(300).describe('Between two starts of the worker.'),
  max_per_hour: wholeNumber(0, 1000).default(3).describe('Starts per hour.'),
});

const deploy = z.strictObject({
  lock_max_age_seconds: seconds(1, oneYearSeconds)
    .default(7200)
    .describe('A deploy lock held longer than this is stale and no longer suppresses anything.'),
});

export const configurationSchema = z.strictObject({
  database: database.prefault({}),
  paths: paths.prefault({}),
  storagebox: storagebox.prefault({}),
  hot_mounts: z.array(hotMount).default([]),
  tiering: tiering.prefault({}),
  worker: worker.prefault({}),
  crawler: crawler.prefault({}),
  recovery: recovery.prefault({}),
  autostart: autostart.prefault({}),
  deploy: deploy.prefault({}),
});

export type Configuration = z.infer<typeof configurationSchema>;
