/** One request and its response, with every byte as it was sent. */
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { ResponseError, ResponseReader, type ResponseHead } from './http-response.ts';
import { codeOf, NetworkError, openConnection, type Opened } from './connection.ts';
import { Spool } from './spool.ts';

export interface ExchangeLimits {
  /** To resolve, connect and agree on TLS. */
  readonly connectMs: number;
  /** Between two pieces of an answer. */
  readonly silenceMs: number;
  /** For all of one answer: what takes longer is cut, as is what is larger. */
  readonly answerMs: number;
  readonly answerBytes: number;
}

export interface Exchange {
  readonly url: string;
  /** When it was asked, ISO 8601. */
  readonly date: string;
  readonly address: string;
  readonly request: Buffer;
  readonly head: ResponseHead;
  /** Length of the head in `raw`, empty line included. */
  readonly headBytes: number;
  /** Head and body as they came, with the transfer encoding on. To be closed. */
  readonly raw: Spool;
  /** The body without transfer encoding, its content encoding still on. To be closed. */
  readonly body: Spool;
  /** `cut`: by our own limits; `incomplete`: shorter than the server said, or the connection broke. */
  readonly end: 'complete' | 'incomplete' | { readonly cut: 'time' | 'length' };
}

interface Idle extends Opened {
  readonly origin: string;
}

export class Exchanger {
  readonly #scratch: string;
  readonly #limits: ExchangeLimits;
  /** One for each server: we are no load of more than one connection. */
  readonly #idle = new Map<string, Idle>();
  readonly #busy = new Set<Socket>();
  #isClosed = false;
  #received = 0;

  /** @param scratch a folder on the local disk, for answers that are too large for memory */
  constructor(scratch: string, limits: ExchangeLimits) {
    this.#scratch = scratch;
    this.#limits = limits;
  }

  /** Bytes of answers so far, also of those that were not complete. */
  get received(): number {
    return this.#received;
  }

  /**
   * @param stop ends it at once
   * @throws NetworkError when there is no answer at all, also when it is stopped; ResponseError when it is none that can be read
   */
  async get(
    address: string,
    fields: readonly (readonly [string, string])[],
    stop?: AbortSignal,
  ): Promise<Exchange> {
    const url = new URL(address);
    const lines = [
      `GET ${url.pathname}${url.search} HTTP/1.1`,
      `Host: ${url.host}`,
      ...fields.map(([name, value]) => `${name}: ${value}`),
      'Connection: keep-alive',
    ];
    const request = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    if (this.#isClosed) throw new NetworkError('send', 'ECANCELED');
    const idle = this.#takeIdle(url.origin);
    if (idle !== undefined) {
      try {
        return await this.#ask(address, request, idle, stop);
      } catch (error) {
        // The server has closed it meanwhile, as it may at any time (RFC 9112, 9.3.1): that says nothing of the address.
        const isOurs = stop?.aborted === true || this.#isClosed;
        if (!(error instanceof NetworkError) || error.code === 'ETIMEDOUT' || isOurs) throw error;
      }
    }
    const opened = await openConnection(url, this.#limits.connectMs);
    return await this.#ask(address, request, { ...opened, origin: url.origin }, stop);
  }

  /** Also of exchanges that are under way: a connection that stayed would keep a crawler that has failed alive, for as long as the server likes. */
  close(): void {
    this.#isClosed = true;
    for (const { socket } of this.#idle.values()) socket.destroy();
    this.#idle.clear();
    for (const socket of this.#busy) socket.destroy(new NetworkError('answer', 'ECANCELED'));
  }

  #takeIdle(origin: string): Idle | undefined {
    const idle = this.#idle.get(origin);
    this.#idle.delete(origin);
    return idle?.socket.destroyed === false && idle.socket.readable ? idle : undefined;
  }

  async #ask(url: string, request: Buffer, connection: Idle, stop?: AbortSignal): Promise<Exchange> {
    const { socket, address, origin } = connection;
    if (this.#isClosed) {
      socket.destroy();
      throw new NetworkError('send', 'ECANCELED');
    }
    this.#busy.add(socket);
    const date = new Date().toISOString();
    const name = join(this.#scratch, randomUUID());
    const raw = new Spool(`${name}.raw`);
    const body = new Spool(`${name}.body`);
    try {
      const { head, headBytes, end, canBeReused } = await this.#receive(socket, request, raw, body, stop);
      if (end === 'complete' && canBeReused) {
        this.#idle.get(origin)?.socket.destroy();
        this.#idle.set(origin, connection);
      } else socket.destroy();
      return { url, date, address, request, head, headBytes, raw, body, end };
    } catch (error) {
      socket.destroy();
      raw.close();
      body.close();
      throw error;
    } finally {
      this.#busy.delete(socket);
    }
  }

  async #receive(socket: Socket, request: Buffer, raw: Spool, body: Spool, stop?: AbortSignal) {
    const reader = new ResponseReader((part) => {
      body.write(part);
    });
    const taker = new ResponseTaker(raw, reader);
    const beganMs = performance.now();
    let end = 'incomplete' as Exchange['end'];
    socket.setTimeout(this.#limits.silenceMs);
    const finished = new Promise<void>((resolve, reject) => {
      const fail = (code: string): void => {
        if (reader.head === null) reject(new NetworkError(taker.hasBegun ? 'answer' : 'send', code));
        else resolve();
      };
      socket.on('data', (bytes: Buffer) => {
        this.#received += bytes.length;
        try {
          taker.take(bytes);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        if (reader.isComplete) end = 'complete';
        else if (raw.length > this.#limits.answerBytes) end = { cut: 'length' };
        else if (performance.now() - beganMs > this.#limits.answerMs && reader.head !== null)
          end = { cut: 'time' };
        else return;
        resolve();
      });
      socket.once('end', () => {
        reader.end();
        if (reader.isComplete) end = 'complete';
        fail('ECONNRESET');
      });
      socket.once('error', (error) => {
        fail(codeOf(error));
      });
      socket.once('close', () => {
        fail('ECONNRESET');
      });
      socket.once('timeout', () => {
        fail('ETIMEDOUT');
      });
    });
    const abandon = (): void => {
      socket.destroy(new NetworkError('answer', 'ECANCELED'));
    };
    stop?.addEventListener('abort', abandon);
    // It may have come while the connection was made.
    if (stop?.aborted === true) abandon();
    socket.write(request);
    socket.resume();
    try {
      await finished;
    } finally {
      stop?.removeEventListener('abort', abandon);
      socket.pause();
      for (const event of ['data', 'end', 'error', 'close', 'timeout']) socket.removeAllListeners(event);
      socket.setTimeout(0);
      socket.on('error', () => undefined);
    }
    const { head } = reader;
    if (head === null) throw new ResponseError('no head');
    return {
      head,
      headBytes: reader.position.headBytes,
      end,
      canBeReused: reader.canBeReused,
    };
  }
}

/** Feeds the reader and keeps what belongs to the response: not the interim answers before it. */
class ResponseTaker {
  readonly #raw: Spool;
  readonly #reader: ResponseReader;
  #before: Buffer[] = [];

  constructor(raw: Spool, reader: ResponseReader) {
    this.#raw = raw;
    this.#reader = reader;
  }

  /** Anything at all has come. */
  get hasBegun(): boolean {
    return this.#before.length > 0 || this.#raw.length > 0;
  }

  take(bytes: Buffer): void {
    const before = this.#reader.head;
    this.#reader.push(bytes);
    const end = bytes.length - this.#reader.extraBytes;
    if (before !== null) {
      this.#raw.write(bytes.subarray(0, end));
      return;
    }
    this.#before.push(Buffer.from(bytes.subarray(0, Math.max(0, end))));
    if (this.#reader.head === null) return;
    this.#raw.write(Buffer.concat(this.#before).subarray(this.#reader.position.start));
    this.#before = [];
  }
}
