import type { CheckCode, Finding } from './checks.ts';

export interface ReportFacts {
  /** Null: metrics files are turned off. */
  readonly textfiles: {
    readonly folder: string;
    /** Of the newest file that `metrics write` writes; null: it is not there. */
    readonly ageMs: number | null;
    /** node_exporter, if it runs: whose it is, what folder it reads, whether it may. */
    readonly exporter: {
      readonly user: string;
      readonly folder: string | null;
      readonly isReadable: boolean;
    } | null;
  } | null;
  /** Whether Prometheus has our rules; null: none answers here. */
  readonly areRulesLoaded: boolean | null;
  readonly rulesFile: string;
}

export const reportCodes: readonly CheckCode[] = ['metrics', 'textfiles', 'alert_rules'];

/** The timer's interval is 30 s, and a look at hung storage takes some. */
const freshMs = 5 * 60_000;

/** What keeps metrics and alerts from reaching anybody. */
export function reportFindings({ textfiles, areRulesLoaded, rulesFile }: ReportFacts): Finding[] {
  const findings: Finding[] = [];
  if (textfiles !== null) {
    const { folder, ageMs, exporter } = textfiles;
    if (ageMs === null)
      findings.push({
        code: 'metrics',
        detail: `there is no healtharchive.prom in ${folder}`,
        fix: 'systemctl enable --now healtharchive-metrics.timer',
      });
    else if (ageMs > freshMs)
      findings.push({
        code: 'metrics',
        detail: `healtharchive.prom is ${Math.round(ageMs / 60_000)} minutes old`,
        fix: 'journalctl -n 40 -u healtharchive-metrics',
      });
    if (exporter === null)
      findings.push({
        code: 'textfiles',
        detail: 'node_exporter does not run: nobody reads the metrics',
        fix: 'apt-get install prometheus-node-exporter; or [paths] textfile_dir = ""',
      });
    else if (exporter.folder !== folder)
      findings.push({
        code: 'textfiles',
        detail: `node_exporter reads ${exporter.folder ?? 'another folder'}, and metrics are written to ${folder}`,
        fix: `--collector.textfile.directory=${folder} in /etc/default/prometheus-node-exporter; or [paths] textfile_dir`,
      });
    else if (!exporter.isReadable)
      findings.push({
        code: 'textfiles',
        detail: `user ${exporter.user}, node_exporter’s, can’t read ${folder}`,
        fix: `chmod 755 ${folder}; chmod 644 ${folder}/*.prom`,
      });
  }
  if (areRulesLoaded === false)
    findings.push({
      code: 'alert_rules',
      detail: 'Prometheus answers, and does not have the alert rules of HealthArchive',
      fix: `rule_files: [${rulesFile}] in /etc/prometheus/prometheus.yml, then systemctl reload prometheus`,
    });
  return findings;
}
