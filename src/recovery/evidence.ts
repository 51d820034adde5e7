/**
 * Evidence: how a host looked at one moment, in one folder, for whoever asks later what happened. It is bounded whatever hangs, and
 * what did not come in time is named.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Configuration } from '../config/schema.ts';
import { OperatorError } from '../core/errors.ts';
import type { RecoveryWorld } from '../core/recovery/recovery-world.ts';
import { redactedJson } from '../core/text/redact.ts';
import { EvidenceFolder } from '../effects/evidence-folder.ts';
import { thisHost } from '../effects/host.ts';
import type { JobsIfKnown } from '../hot-paths/jobs-if-known.ts';
import { maxFileBytes, pictureOf, type Content, type EvidenceSources } from './evidence-picture.ts';

/** For all of it. */
const deadlineMs = 10_000;

export interface Evidence {
  /** Its folder. */
  readonly path: string;
  readonly files: readonly EvidenceFile[];
  readonly durationMs: number;
}

export interface EvidenceFile {
  readonly name: string;
  readonly bytes: number;
  /** Why it is not all that it should be, as a sentence without full stop; null: it is. */
  readonly problem: string | null;
}

/**
 * Takes a picture of this host, in less than eleven seconds.
 * @param tag part of the folder's name: letters, digits, `.`, `_`, `-`
 * @throws OperatorError when it can't be written
 */
export async function takeEvidence(
  configuration: Configuration,
  sources: EvidenceSources,
  tag: string | null,
): Promise<Evidence> {
  const root = join(configuration.paths.state_dir, 'evidence');
  try {
    return await take(new EvidenceFolder(root, Date.now(), tag), configuration, sources, tag);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new OperatorError(`evidence can’t be written to ${root} (${code}).`);
  }
}

async function take(
  folder: EvidenceFolder,
  configuration: Configuration,
  sources: EvidenceSources,
  tag: string | null,
): Promise<Evidence> {
  const nowMs = Date.now();
  const beganMs = performance.now();
  const picture = pictureOf(configuration, sources);
  const files = await Promise.all(
    Object.entries(picture).map(async ([name, content]) => {
      const { text, problem } = await inTime(content, beganMs + deadlineMs);
      const bytes = Buffer.from(text).subarray(0, maxFileBytes);
      folder.write(name, bytes);
      const isCut = bytes.length < Buffer.byteLength(text);
      return { name, bytes: bytes.length, problem: isCut ? `cut at ${maxFileBytes} bytes` : problem };
    }),
  );
  const durationMs = Math.round(performance.now() - beganMs);
  const { host, bootId } = thisHost();
  const summary = {
    tag,
    host,
    boot_id: bootId,
    taken_at: new Date(nowMs).toISOString(),
    duration_ms: durationMs,
    files,
  };
  folder.write('summary.json', Buffer.from(redactedJson(summary)));
  folder.finish();
  return { path: folder.path, files, durationMs };
}

async function inTime(content: Promise<Content>, untilMs: number): Promise<Content> {
  const late: Content = { text: '', problem: `not there within ${deadlineMs / 1000} s` };
  return await Promise.race([content, pause(Math.max(0, untilMs - performance.now()), late, { ref: false })]);
}

/** Of the moment at which an incident begins. It is taken beside the repair, which does not wait for it. */
export class IncidentEvidence {
  readonly #configuration: Configuration;
  readonly #jobs: Promise<JobsIfKnown>;
  #taken: Promise<Evidence | OperatorError> | null = null;

  constructor(configuration: Configuration, jobs: Promise<JobsIfKnown>) {
    this.#configuration = configuration;
    this.#jobs = jobs;
  }

  begin(world: RecoveryWorld): void {
    const sources = { world: Promise.resolve(world), jobs: this.#jobs };
    this.#taken ??= takeEvidence(this.#configuration, sources, 'incident').catch((error: unknown) => {
      if (error instanceof OperatorError) return error;
      throw error;
    });
  }

  get taken(): Promise<Evidence | OperatorError | null> {
    return this.#taken ?? Promise.resolve(null);
  }
}
