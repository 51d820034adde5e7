/** Everything that `ops verify` looks at, the most serious first: what it is called, and what holds where nothing was found. */
export const checks = {
  configuration: { severity: 'critical', holds: 'the configuration can be read' },
  user: { severity: 'critical', holds: 'the worker’s user is there' },
  program: { severity: 'critical', holds: 'the program is installed, and its links lead to it' },
  database: { severity: 'critical', holds: 'the database answers, and is migrated' },
  local_space: { severity: 'critical', holds: 'the local disk has room' },
  folders: { severity: 'critical', holds: 'folders are there, and whose they should be' },
  storagebox_settings: {
    severity: 'critical',
    holds: 'the storage box’s settings are complete, and fit the configuration',
  },
  storagebox_key: {
    severity: 'critical',
    holds: 'the key for the storage box is there, and closed to others',
  },
  storagebox_host_key: { severity: 'critical', holds: 'the storage box’s host key is known' },
  base_unit: { severity: 'critical', holds: 'the base’s unit runs, and starts at boot' },
  base: { severity: 'critical', holds: 'the storage box is mounted, and answers' },
  allow_other: { severity: 'critical', holds: 'the base lets the worker’s user in' },
  hot_paths: { severity: 'critical', holds: 'every hot path is what it should be' },
  writable: { severity: 'critical', holds: 'the worker’s user can write to each hot path' },
  crawler: { severity: 'critical', holds: 'what crawls is installed' },
  worker_unit: { severity: 'critical', holds: 'the worker runs, and starts at boot' },
  units: { severity: 'critical', holds: 'every unit is installed' },
  units_enabled: { severity: 'warning', holds: 'what must start at boot does, tiering included' },
  units_failed: { severity: 'warning', holds: 'no unit of HealthArchive has failed' },
  timers: { severity: 'warning', holds: 'timers and the path unit wait, and none is late' },
  units_changed: { severity: 'warning', holds: 'units are as they are shipped' },
  units_not_read: { severity: 'warning', holds: 'systemd has read the units as they are' },
  shadowed: { severity: 'warning', holds: 'no files lie under a mount' },
  manifest: { severity: 'warning', holds: 'the manifest can be read, every line of it' },
  foreign_mounts: { severity: 'warning', holds: 'nothing is mounted inside a hot path' },
  storagebox_space: { severity: 'warning', holds: 'the storage box has room' },
  deploy_lock: { severity: 'warning', holds: 'nobody holds the deploy lock' },
  state_files: { severity: 'warning', holds: 'locks and state can be used by those who need them' },
  clock: { severity: 'warning', holds: 'the clock goes right' },
  metrics: { severity: 'warning', holds: 'metrics are fresh' },
  textfiles: { severity: 'warning', holds: 'node_exporter reads the metrics files' },
  alert_rules: { severity: 'warning', holds: 'Prometheus has loaded the alert rules' },
  deploy_left: { severity: 'warning', holds: 'no deploy has left work over: what runs is what is installed' },
  recovery_switch: { severity: 'notice', holds: 'recovery is switched on' },
  auto_start_switch: { severity: 'notice', holds: 'auto-start is switched on' },
  files: { severity: 'notice', holds: 'alert rules, manual page and the like are as they are shipped' },
  root: { severity: 'notice', holds: 'everything could be looked at' },
} as const;

export type CheckCode = keyof typeof checks;
export type Severity = (typeof checks)[CheckCode]['severity'];

/** Something that does not hold. */
export interface Finding {
  readonly code: CheckCode;
  /** A sentence without full stop: what, and where. */
  readonly detail: string;
  /** A command, or what a person does; null where only looking helps. */
  readonly fix: string | null;
}

/** One line of the answer. */
export interface Check {
  readonly code: CheckCode;
  readonly ok: boolean;
  readonly severity: Severity;
  readonly detail: string;
  readonly fix: string | null;
}

const order = Object.keys(checks) as CheckCode[];

/**
 * What does not hold, the most serious first; then what holds.
 * @param looked what was looked at: the rest is not told at all
 */
export function answerOf(findings: readonly Finding[], looked: ReadonlySet<CheckCode>): Check[] {
  const off = findings
    .map((finding) => ({ ...finding, ok: false, severity: checks[finding.code].severity }))
    .sort((a, b) => order.indexOf(a.code) - order.indexOf(b.code));
  const isOff = new Set(findings.map(({ code }) => code));
  const holding = order.filter((code) => looked.has(code) && !isOff.has(code));
  return [
    ...off,
    ...holding.map((code) => {
      const { severity, holds } = checks[code];
      return { code, ok: true, severity, detail: holds, fix: null };
    }),
  ];
}
