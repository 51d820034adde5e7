/**
 * What a job's crawl knows: every address with its state, in one SQLite file on the local disk. An attempt that was interrupted is
 * gone on with from here. Nothing of it is kept in memory but counts, so it does not grow with the site.
 *
 * An address becomes `archived` only by `commit`, which the caller calls when its records are on the storage for good; what it leads
 * to is known from the same moment on. Whatever was under way when the process died is queued again by that alone.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { NamedUrl, UrlCounts } from '../../core/crawler/crawl-report.ts';
import type { FoundLink, Link } from '../../core/crawler/links.ts';
import { frontierSchema, frontierVersion } from './frontier-schema.ts';

export type UrlState = keyof UrlCounts;

export interface Claimed {
  readonly id: number;
  readonly url: string;
  readonly kind: Link['kind'];
  /** How often it was tried in vain. */
  readonly tries: number;
}

/** What has become of a claimed address. `answered`: its records are in the WARC, whatever the status. */
export type UrlEnd =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly links: readonly FoundLink[];
      /** Its record, and the one that has its payload, which is another one for a revisit: names of WARC files. */
      readonly file: string;
      readonly payloadFile: string;
      /** Where it redirects to, wherever that is. */
      readonly leadsTo: string | null;
      /** That it was cut, or asks not to be followed. */
      readonly remark: string | null;
    }
  | { readonly kind: 'failed'; readonly because: string }
  | { readonly kind: 'barred'; readonly because: string }
  /** It counts as tried, or it does not: a network that is away is not the address's fault. */
  | { readonly kind: 'later'; readonly because: string; readonly atMs: number; readonly isTry: boolean };

export interface Payload {
  readonly digest: string;
  readonly url: string;
  /** Of the record that has it, ISO 8601. */
  readonly date: string;
  /** Name of the WARC file that has it. */
  readonly file: string;
}

/** A WARC file, and how long it was when it was synced. */
export interface SyncedFile {
  readonly name: string;
  readonly length: number;
}

export interface KnownUrl {
  readonly state: UrlState;
  readonly status: number | null;
  readonly because: string | null;
  readonly leadsTo: string | null;
}

/** Seeds and requisites before pages: what has been begun is completed first. What is tried again comes last. */
const rankOf = { requisite: 0, page: 1 } as const;
const rankAgain = 2;
const mostReopenings = 3;
/** Read at once, since it is asked for one by one. */
const batch = 64;

export class Frontier {
  readonly #database: DatabaseSync;
  readonly #counts: Record<UrlState, number> = { queued: 0, archived: 0, failed: 0, barred: 0 };
  #pages = 0;
  readonly #ready: Claimed[] = [];
  readonly #statements: Readonly<
    Record<
      | 'insert'
      | 'raise'
      | 'reopen'
      | 'next'
      | 'take'
      | 'end'
      | 'later'
      | 'payload'
      | 'addPayload'
      | 'addFile',
      StatementSync
    >
  >;

  /** @throws Error when the file is none of ours, or damaged; FrontierVersionError of another version */
  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    // Durable at each commit, as an address that counts as archived must not come to be asked for again and again by a machine that restarts.
    this.#database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma temp_store = memory');
    const { user_version: found } = this.#database.prepare('pragma user_version').get() as {
      user_version: number;
    };
    if (found !== 0 && found !== frontierVersion)
      throw new Error(`a frontier of version ${found}, not ${frontierVersion}`);
    this.#database.exec(`${frontierSchema} pragma user_version = ${frontierVersion};`);
    this.#count();
    const prepare = (sql: string): StatementSync => this.#database.prepare(sql);
    this.#statements = {
      insert: prepare(
        'insert into urls (url, kind, state, rank, because) values (?, ?, ?, ?, ?) on conflict (url) do nothing',
      ),
      // What a page is made of comes first, though it was known as a page to go to.
      raise: prepare(
        `update urls set kind = 'requisite', rank = 0 where url = ? and state = 'queued' and kind = 'page'`,
      ),
      // A cookie wall leads back to where it began; round and round it goes only so often.
      reopen: prepare(`update urls set state = 'queued', rank = 0, next_ms = 0, tries = tries + 1
        where url = ? and state = 'archived' and status between 300 and 399 and tries < ${mostReopenings}`),
      // Left to itself SQLite takes the index by state, and sorts all that is queued.
      next: prepare(`select id, url, kind, tries from urls indexed by urls_queued
        where state = 'queued' and next_ms <= ? and not exists (select 1 from temp.taken where taken.id = urls.id)
        order by rank, id limit ${batch}`),
      take: prepare('insert into temp.taken (id) values (?)'),
      end: prepare(`update urls set state = ?, status = ?, because = ?, leads_to = ?,
        file = (select id from files where name = ?), payload_file = (select id from files where name = ?) where id = ?`),
      later: prepare(
        `update urls set tries = tries + ?, next_ms = ?, because = ?, rank = ${rankAgain} where id = ?`,
      ),
      payload: prepare(
        'select digest, url, date, files.name as file from payloads join files on files.id = payloads.file where digest = ?',
      ),
      addPayload: prepare(`insert into payloads (digest, url, date, file)
        values (?, ?, ?, (select id from files where name = ?)) on conflict (digest) do nothing`),
      addFile: prepare(
        'insert into files (name, length) values (?, ?) on conflict (name) do update set length = excluded.length',
      ),
    };
  }

  get counts(): UrlCounts {
    return { ...this.#counts };
  }

  /** Addresses that answered with status 2xx. */
  get pages(): number {
    return this.#pages;
  }

  /** Of all files that an earlier commit named. */
  get bytes(): number {
    const { bytes } = this.#database.prepare('select coalesce(sum(length), 0) as bytes from files').get() as {
      bytes: number;
    };
    return bytes;
  }

  /** Seeds, which are in front of everything. */
  add(links: readonly FoundLink[]): void {
    this.#inTransaction(() => {
      for (const link of links) this.#add(link);
    });
  }

  /** The next one that may be asked for now; it is not given again before its end is told, or the file is opened anew. */
  claim(nowMs: number): Claimed | null {
    if (this.#ready.length === 0) {
      const rows = this.#statements.next.all(nowMs) as unknown as Claimed[];
      this.#inTransaction(() => {
        for (const { id } of rows) this.#statements.take.run(id);
      });
      this.#ready.push(...rows);
    }
    return this.#ready.shift() ?? null;
  }

  /** When the next one may be asked for: ms of the wall clock; null when nothing waits for its time. */
  nextMs(): number | null {
    const row = this.#database
      .prepare(
        `select min(next_ms) as at from urls where state = 'queued' and not exists (select 1 from temp.taken where taken.id = urls.id)`,
      )
      .get() as { at: number | null };
    return row.at;
  }

  /**
   * All or nothing, and for good when it returns.
   * @param files every file that the ends and payloads name, unless an earlier commit had it at this length
   */
  commit(
    ends: readonly { readonly id: number; readonly end: UrlEnd }[],
    payloads: readonly Payload[],
    files: readonly SyncedFile[],
  ): void {
    const before = { ...this.#counts };
    const pagesBefore = this.#pages;
    try {
      this.#inTransaction(() => {
        for (const { name, length } of files) this.#statements.addFile.run(name, length);
        for (const { id, end } of ends) this.#end(id, end);
        for (const { digest, url, date, file } of payloads)
          this.#statements.addPayload.run(digest, url, date, file);
        const forget = this.#database.prepare('delete from temp.taken where id = ?');
        for (const { id } of ends) forget.run(id);
      });
    } catch (error) {
      Object.assign(this.#counts, before);
      this.#pages = pagesBefore;
      throw error;
    }
  }

  /** A record that has this payload already. */
  payload(digest: string): Payload | null {
    return (this.#statements.payload.get(digest) as unknown as Payload | undefined) ?? null;
  }

  /** Addresses in this state, the oldest first. */
  list(state: UrlState, limit: number): NamedUrl[] {
    const rows = this.#database
      .prepare('select url, because from urls where state = ? order by id limit ?')
      .all(state, limit) as unknown as NamedUrl[];
    return rows.map(({ url, because }) => ({ url, because }));
  }

  /** What is known of an address; null: nothing. */
  find(url: string): KnownUrl | null {
    const row = this.#database
      .prepare('select state, status, because, leads_to as leadsTo from urls where url = ?')
      .get(url) as unknown as KnownUrl | undefined;
    return row ?? null;
  }

  /** Addresses that answered with a page of status 2xx: those to go to, not what pages are made of. */
  countPagesInScope(): number {
    const { count } = this.#database
      .prepare(
        `select count(*) as count from urls where kind = 'page' and state = 'archived' and status between 200 and 299`,
      )
      .get() as { count: number };
    return count;
  }

  /** How many have this remark, or one that begins with it. */
  countRemarks(remark: string): number {
    const { count } = this.#database
      .prepare(`select count(*) as count from urls where state = 'archived' and because glob ?`)
      .get(`${remark}*`) as { count: number };
    return count;
  }

  /** Every address that has failed. */
  *failed(): Generator<NamedUrl & Pick<Claimed, 'kind'>> {
    const rows = this.#database.prepare(
      `select url, kind, because from urls where state = 'failed' order by id`,
    );
    for (const row of rows.iterate()) yield row as unknown as NamedUrl & Pick<Claimed, 'kind'>;
  }

  /**
   * Compares what was archived with what is there: what lies in a file that is gone, or shorter than it was, is asked for again.
   * @param lengthOf null: there is no such file
   * @returns the names of those files
   */
  checkFiles(lengthOf: (name: string) => number | null): string[] {
    const files = this.#database
      .prepare('select id, name, length from files')
      .all() as unknown as (SyncedFile & {
      id: number;
    })[];
    const lost = files.filter(({ name, length }) => (lengthOf(name) ?? -1) < length);
    if (lost.length === 0) return [];
    this.#inTransaction(() => {
      for (const { id } of lost) {
        this.#requeue('(file = ? or payload_file = ?)', id, id);
        this.#database.prepare('delete from payloads where file = ?').run(id);
        this.#database.prepare('delete from files where id = ?').run(id);
      }
    });
    return lost.map(({ name }) => name);
  }

  /**
   * A crawl that had come to its end is tried again: what failed, what was barred for this reason, and seeds without a page are asked
   * for once more. Nothing happens to one that has addresses left.
   */
  reopen(barredBecause: string, seeds: readonly string[]): void {
    if (this.#counts.queued > 0) return;
    this.#inTransaction(() => {
      this.#requeue(`state = 'failed' or (state = 'barred' and because = ?)`, barredBecause);
      for (const seed of seeds)
        this.#requeue(`url = ? and state <> 'queued' and coalesce(status, 0) not between 200 and 299`, seed);
    });
  }

  close(): void {
    this.#database.close();
  }

  #requeue(condition: string, ...values: (string | number)[]): void {
    this.#database
      .prepare(
        `update urls set state = 'queued', tries = 0, next_ms = 0, status = null, because = null, leads_to = null,
          file = null, payload_file = null where ${condition}`,
      )
      .run(...values);
    this.#count();
  }

  #count(): void {
    Object.assign(this.#counts, { queued: 0, archived: 0, failed: 0, barred: 0 });
    for (const { state, count } of this.#database
      .prepare('select state, count(*) as count from urls group by state')
      .all() as { state: UrlState; count: number }[])
      this.#counts[state] = count;
    const { pages } = this.#database
      .prepare(`select count(*) as pages from urls where state = 'archived' and status between 200 and 299`)
      .get() as { pages: number };
    this.#pages = pages;
  }

  #end(id: number, end: UrlEnd): void {
    if (end.kind === 'later') {
      this.#statements.later.run(end.isTry ? 1 : 0, end.atMs, end.because, id);
      return;
    }
    const state = end.kind === 'answered' ? 'archived' : end.kind;
    this.#counts.queued -= 1;
    this.#counts[state] += 1;
    if (end.kind !== 'answered') {
      this.#statements.end.run(state, null, end.because, null, null, null, id);
      return;
    }
    const { status, remark, leadsTo, file, payloadFile } = end;
    if (status >= 200 && status < 300) this.#pages += 1;
    this.#statements.end.run(state, status, remark, leadsTo, file, payloadFile, id);
    for (const link of end.links) this.#add(link);
  }

  #add({ url, kind, barredBecause, isRedirect }: FoundLink): void {
    const state = barredBecause === null ? 'queued' : 'barred';
    const { changes } = this.#statements.insert.run(url, kind, state, rankOf[kind], barredBecause);
    if (changes === 1) this.#counts[state] += 1;
    else if (isRedirect && this.#statements.reopen.run(url).changes === 1) {
      this.#counts.archived -= 1;
      this.#counts.queued += 1;
    } else if (kind === 'requisite' && barredBecause === null) this.#statements.raise.run(url);
  }

  #inTransaction(act: () => void): void {
    this.#database.exec('begin immediate');
    try {
      act();
    } catch (error) {
      this.#database.exec('rollback');
      throw error;
    }
    this.#database.exec('commit');
  }
}
