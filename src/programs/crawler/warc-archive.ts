/** The WARC files of one attempt and their index: what a server sent goes in, and is there for good after `sync`. */
import { appendFileSync, closeSync, copyFileSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { cdxjLine } from '../../core/crawler/cdxj.ts';
import { fieldValues } from './http-response.ts';
import { mediaType } from './page-text.ts';
import type { Exchange } from './exchange.ts';
import type { Payload, SyncedFile } from './frontier.ts';
import { type Block, blockOf, newRecordId, WarcFile, type WarcRecord } from './warc-file.ts';

export interface ArchiveOptions {
  /** Where they lie, e.g. `warcs`. */
  readonly folder: string;
  /** `JOB-NNN`: the first part of each name. */
  readonly attempt: string;
  /** A file is closed at about this size: what one damaged file can cost, and what a person can still copy. */
  readonly fileBytes: number;
  /** Of the warcinfo record. */
  readonly info: Readonly<Record<string, string>>;
}

const REVISIT = 'http://netpreserve.org/warc/1.1/revisit/identical-payload-digest';

export class Archive {
  readonly #options: ArchiveOptions;
  #index: number | null = null;
  #file: WarcFile | null = null;
  #files = 0;
  #bytes = 0;
  /** Closed, and not told yet by `sync`. */
  #closed: SyncedFile[] = [];

  /** Its files are made with the first answer. */
  constructor(options: ArchiveOptions) {
    this.#options = options;
  }

  /** Of all files so far. */
  get bytes(): number {
    return this.#bytes + (this.#file?.length ?? 0);
  }

  /**
   * @param earlier a record with the same payload: then only the head is kept again
   * @returns the name of the file that it is in
   * @throws what storage answers: EEXIST when the attempt has files already
   */
  async keep(exchange: Exchange, earlier: Payload | null): Promise<string> {
    const file = await this.#current();
    const { url, date, address, request, head, raw, body, headBytes } = exchange;
    const digest = body.block.digest;
    const id = newRecordId();
    const common = [
      ['WARC-Target-URI', url],
      ['WARC-IP-Address', address],
    ] as const;
    const block: Block = earlier === null ? raw.block : blockOf(Buffer.concat([...raw.parts(0, headBytes)]));
    const response: WarcRecord = {
      type: earlier === null ? 'response' : 'revisit',
      id,
      date,
      contentType: 'application/http; msgtype=response',
      fields: [
        ...common,
        ['WARC-Payload-Digest', digest],
        ...(earlier === null
          ? []
          : ([
              ['WARC-Profile', REVISIT],
              ['WARC-Refers-To-Target-URI', earlier.url],
              ['WARC-Refers-To-Date', earlier.date],
            ] as const)),
        ...(typeof exchange.end === 'object' ? ([['WARC-Truncated', exchange.end.cut]] as const) : []),
      ],
      block,
    };
    const { offset, length } = await file.append(response);
    await file.append({
      type: 'request',
      id: newRecordId(),
      date,
      contentType: 'application/http; msgtype=request',
      fields: [...common, ['WARC-Concurrent-To', id]],
      block: blockOf(request),
    });
    const mime = mediaType(fieldValues(head, 'content-type')[0] ?? null);
    const line = cdxjLine({
      url,
      date,
      status: head.status,
      mime: mime === '' ? null : mime,
      digest,
      offset,
      length,
      file: basename(file.path),
      isRevisit: earlier !== null,
    });
    const { folder, attempt } = this.#options;
    this.#index ??= openSync(join(folder, `${attempt}.cdxj`), 'wx', 0o644);
    appendFileSync(this.#index, line);
    return basename(file.path);
  }

  /** Returns when all that was kept is on the storage for good: the files that were written to since the last time. */
  sync(): SyncedFile[] {
    this.#file?.sync();
    if (this.#index !== null) fsyncSync(this.#index);
    const files = this.#closed;
    this.#closed = [];
    return this.#file === null ? files : [...files, syncedFile(this.#file)];
  }

  /**
   * Sorts the index, as readers want it; one of an attempt that died is left as it grew.
   * @param scratch a folder on the local disk
   */
  close(scratch: string): void {
    if (this.#file !== null) {
      this.#file.close();
      this.#bytes += this.#file.length;
      this.#file = null;
    }
    if (this.#index === null) return;
    closeSync(this.#index);
    this.#index = null;
    sortIndex(join(this.#options.folder, `${this.#options.attempt}.cdxj`), scratch);
  }

  async #current(): Promise<WarcFile> {
    if (this.#file !== null && this.#file.length < this.#options.fileBytes) return this.#file;
    if (this.#file !== null) {
      this.#file.sync();
      this.#file.close();
      this.#closed.push(syncedFile(this.#file));
      this.#bytes += this.#file.length;
      this.#files += 1;
    }
    const { folder, attempt, info } = this.#options;
    const name = `${attempt}-${String(this.#files).padStart(5, '0')}.warc.gz`;
    this.#file = new WarcFile(join(folder, name));
    const lines = Object.entries({ ...info, format: 'WARC File Format 1.1' });
    await this.#file.append({
      type: 'warcinfo',
      id: newRecordId(),
      date: new Date().toISOString(),
      contentType: 'application/warc-fields',
      fields: [['WARC-Filename', name]],
      block: blockOf(Buffer.from(lines.map(([key, value]) => `${key}: ${value}\r\n`).join(''))),
    });
    return this.#file;
  }
}

function syncedFile({ path, length }: WarcFile): SyncedFile {
  return { name: basename(path), length };
}

/**
 * Sorts the lines of a file by their bytes: by sort(1), which needs no memory for that.
 * @param scratch a folder on the local disk
 * @throws what storage answers, or what sort says
 */
function sortIndex(file: string, scratch: string): void {
  const sorted = join(scratch, 'sorted');
  const { status, error, stderr } = spawnSync('sort', ['-T', scratch, '-o', sorted, file], {
    env: { ...process.env, LC_ALL: 'C' },
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`sort: ${stderr.trim()}`);
  const next = `${file}.sorted`;
  copyFileSync(sorted, next);
  const fd = openSync(next, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(next, file);
  rmSync(sorted);
}
