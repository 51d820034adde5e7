/** A real Prometheus on a host, with the alert rules as they are shipped, over the files that node_exporter serves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from './host.ts';
import { waitFor } from './wait-for.ts';

const RULES = join(import.meta.dirname, '../ops/prometheus/healtharchive-alerts.yml');
const TEXTFILES = '/var/lib/node_exporter/textfile_collector';
const FOLDER = '/run/lab/prometheus';
const EXPORTER = '127.0.0.1:9100';
const PROMETHEUS = '127.0.0.1:9090';

export interface RaisedAlert {
  readonly name: string;
  /** `pending`: what it is about is so, but not for long enough yet. */
  readonly state: 'pending' | 'firing';
}

export interface Prometheus {
  alerts(): Promise<RaisedAlert[]>;
}

/** What node_exporter makes of the files, which is what Prometheus sees. */
export async function scrape(host: Host): Promise<string> {
  return await host.runOk(['wget', '-q', '-O-', `http://${EXPORTER}/metrics`]);
}

export async function startNodeExporter(host: Host): Promise<void> {
  await host.runOk(['mkdir', '-p', TEXTFILES]);
  host.start([
    'prometheus-node-exporter',
    '--collector.disable-defaults',
    '--collector.textfile',
    `--collector.textfile.directory=${TEXTFILES}`,
    `--web.listen-address=${EXPORTER}`,
  ]);
  await waitFor(
    'node_exporter',
    async () => (await scrape(host)).includes('node_textfile_scrape_error'),
    10_000,
  );
}

/** Looks every second, so that it sees what an operator's would see in minutes. */
export async function startPrometheus(host: Host): Promise<Prometheus> {
  await startNodeExporter(host);
  await host.writeFile(`${FOLDER}/rules.yml`, readFileSync(RULES, 'utf8'));
  await host.writeFile(
    `${FOLDER}/prometheus.yml`,
    `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs: [{job_name: node, static_configs: [{targets: ['${EXPORTER}']}]}]
`,
  );
  host.start([
    'prometheus',
    `--config.file=${FOLDER}/prometheus.yml`,
    `--storage.tsdb.path=${FOLDER}/data`,
    `--web.listen-address=${PROMETHEUS}`,
  ]);
  const alerts = async (): Promise<RaisedAlert[]> => {
    const text = await host.runOk(['wget', '-q', '-O-', `http://${PROMETHEUS}/api/v1/alerts`]);
    const { data } = JSON.parse(text) as {
      data: { alerts: { labels: { alertname: string }; state: RaisedAlert['state'] }[] };
    };
    return data.alerts.map(({ labels, state }) => ({ name: labels.alertname, state }));
  };
  await waitFor('Prometheus', async () => Array.isArray(await alerts()), 20_000);
  return { alerts };
}
