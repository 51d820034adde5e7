/** What the runs of an automation came to: kept from run to run, and told as metrics. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import type { Configuration } from '../config/schema.ts';
import type { AutomationName } from '../core/automations.ts';
import {
  automationMetrics,
  recordRun,
  type AutomationRecord,
  type AutomationRun,
} from '../core/report/automation-record.ts';
import type { MetricFamily } from '../core/report/prometheus-text.ts';
import { readStateFile, writeStateFile } from '../effects/state-file.ts';
import { writeTextfile } from './textfile.ts';

const stamp = z.number();
const schema: z.ZodType<AutomationRecord> = z.object({
  lastRunAtMs: stamp,
  lastRunDurationMs: stamp,
  isEnabled: z.boolean(),
  lastApply: z.object({ atMs: stamp, isOk: z.boolean(), durationMs: stamp }).nullable(),
  applyTotal: stamp,
  lastResult: z.object({ result: z.enum(['ok', 'fail', 'skip']), reason: z.string() }),
});

export interface ReportedRun {
  readonly record: AutomationRecord;
  /** Of the run before; null for the first one. */
  readonly before: AutomationRecord | null;
  /** What could not be written, as sentences. */
  readonly problems: readonly string[];
}

/**
 * Keeps the record of one more run with `--apply`, and writes its metrics. Nothing is thrown: an automation does its work also where
 * nothing can be told of it.
 * @param more further families of the automation, given its record
 */
export function reportRun(
  configuration: Configuration,
  name: AutomationName,
  run: AutomationRun,
  more: (record: AutomationRecord) => readonly MetricFamily[] = () => [],
): ReportedRun {
  const file = join(configuration.paths.state_dir, 'watchdog', `${name}-runs.json`);
  const read = readStateFile(file, schema);
  const before = read.kind === 'read' ? read.value : null;
  const record = recordRun(before, run);
  const problems: string[] = [];
  try {
    writeStateFile(file, record);
  } catch (error) {
    problems.push(`${file} can’t be written (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
  // Where no node_exporter is, that is not to be said twice a minute.
  if (!existsSync(configuration.paths.textfile_dir)) return { record, before, problems };
  const words = `healtharchive_${name.replaceAll('-', '_')}`;
  const problem = writeTextfile(configuration, `${words}.prom`, [
    ...automationMetrics(words, record),
    ...more(record),
  ]);
  return { record, before, problems: problem === null ? problems : [...problems, problem] };
}
