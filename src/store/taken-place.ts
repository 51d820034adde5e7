import { sql } from 'kysely';
import { unfinishedStatuses } from '../core/jobs/job.ts';
import { isBelow, withAncestors } from '../core/storage/path-relation.ts';
import { escapeToWidth } from '../core/text/escape.ts';
import type { DatabaseKind, Reading } from './database.ts';

/** What no two jobs may share: a name, and (while they are not finished) an output directory. */
export interface Place {
  readonly name: string;
  readonly outputDir: string;
}

/** A place that another job has. */
export interface Taken {
  readonly what: 'name' | 'output_dir';
  readonly because: string;
}

export async function findTaken(db: Reading, kind: DatabaseKind, job: Place): Promise<Taken | null> {
  const sameName = await db.selectFrom('jobs').select('id').where('name', '=', job.name).executeTakeFirst();
  if (sameName !== undefined) {
    const because = `job ${sameName.id} has the name ${escapeToWidth(job.name, 80)} already`;
    return { what: 'name', because };
  }
  return await findTakenDirectory(db, kind, job.outputDir);
}

/** In order of bytes: what lies below a directory comes after `DIR/` and before `DIR0`, the next character. */
export function boundsBelow(path: string): { readonly above: string; readonly beyond: string } {
  const prefix = path === '/' ? '' : path;
  return { above: `${prefix}/`, beyond: `${prefix}0` };
}

/** The unfinished job whose output directory is this one, or lies inside or above it. */
export async function findTakenDirectory(
  db: Reading,
  kind: DatabaseKind,
  outputDir: string,
): Promise<Taken | null> {
  const { above, beyond } = boundsBelow(outputDir);
  // As its index has it (0004-add-indexes.ts).
  const path = kind === 'postgres' ? sql<string>`output_dir collate "C"` : sql<string>`output_dir`;
  const unfinishedAt = db
    .selectFrom('jobs')
    .select(['id', 'status', 'output_dir'])
    .where('status', 'in', unfinishedStatuses);
  const inTheWay = await unfinishedAt
    .where(path, 'in', withAncestors(outputDir))
    .unionAll(unfinishedAt.where(path, '>', above).where(path, '<', beyond))
    .limit(1)
    .executeTakeFirst();
  if (inTheWay === undefined) return null;
  const { id, status, output_dir: theirs } = inTheWay;
  const because =
    theirs === outputDir
      ? `job ${id}, which is ${status}, writes to ${escapeToWidth(outputDir, 200)} already`
      : `job ${id}, which is ${status}, writes to ${escapeToWidth(theirs, 200)}, which lies ${isBelow(theirs, outputDir) ? 'inside' : 'above'} ${escapeToWidth(outputDir, 200)}`;
  return { what: 'output_dir', because };
}
