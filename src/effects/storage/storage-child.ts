import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { compileCache, programPath } from '../program-path.ts';
import { abandon } from '../stuck-children.ts';
import { type ChildAnswer, type ChildRequest, lookupConcurrency } from './child-protocol.ts';

/** How a question ended. */
export type Ended =
  | { readonly kind: 'done' }
  | { readonly kind: 'timed_out' }
  | { readonly kind: 'still_blocked'; readonly pid: number }
  | { readonly kind: 'not_asked'; readonly detail: string };

/** A program and its first arguments; what is appended to them is run. */
export type StartedThrough = readonly [string, ...string[]];

/** How long one that has answered waits for the next question: starting a program costs more than most questions. */
const idleMs = 3000;
const maxIdle = 4;

interface Conversation {
  readonly answers: ChildAnswer[];
  readonly hasAnswered: () => void;
  readonly end: (ended: Ended) => void;
}

/** A process of the storage child, which is asked one question at a time. One that falls silent is never asked again. */
export class StorageChild {
  static readonly #idle: StorageChild[] = [];

  readonly #process: ChildProcess;
  readonly #ready = Promise.withResolvers<boolean>();
  #conversation: Conversation | null = null;
  /** Why nothing can be asked any more. */
  #over: Ended | null = null;
  #rest = '';
  #idleTimer: NodeJS.Timeout | undefined;

  private constructor(through: StartedThrough | undefined) {
    const node: StartedThrough = [process.execPath, programPath('storage-child')];
    const [program, ...args] = through === undefined ? node : [...through, ...node];
    const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin' } = process.env;
    this.#process = spawn(program, args, {
      cwd: '/',
      // Little of ours is inherited: NODE_OPTIONS could load code or slow the start.
      env: { UV_THREADPOOL_SIZE: String(lookupConcurrency), LC_ALL: 'C', PATH, ...compileCache },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#listen();
  }

  /**
   * One that waits for a question, or a new one. One that is started through another program is always new.
   * @returns why none could be started: most failures are told by its end, but some (no memory) come at once
   */
  static take(through?: StartedThrough): StorageChild | Ended {
    const idle = through === undefined ? StorageChild.#idle.pop() : undefined;
    if (idle !== undefined) {
      idle.#keepUsAlive(true);
      return idle;
    }
    try {
      return new StorageChild(through);
    } catch (error) {
      return notStarted(error instanceof Error ? error : new Error(String(error)));
    }
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** False when it ended before it could be asked. */
  get isReady(): Promise<boolean> {
    return this.#ready.promise;
  }

  /** Ends by `done`, or by whatever befalls the process. What was answered until then is in `answers`. */
  ask(request: ChildRequest, answers: ChildAnswer[], hasAnswered: () => void): Promise<Ended> {
    const { promise, resolve } = Promise.withResolvers<Ended>();
    if (this.#over !== null) return Promise.resolve(this.#over);
    this.#conversation = { answers, hasAnswered, end: resolve };
    this.#process.stdin?.write(JSON.stringify(request) + '\n');
    return promise;
  }

  /** Calls back once the process is really gone; at once if it is. @returns a way to take that back */
  onExit(act: () => void): () => void {
    this.#process.once('exit', act);
    return () => this.#process.off('exit', act);
  }

  /** It is not waited for any more. */
  giveUp(because: Ended): void {
    this.#end(because);
    this.#process.kill('SIGKILL');
    abandon(this.#process);
  }

  /** After a question that has left nothing behind in the process: another one may be put to it. */
  giveBack(): void {
    if (this.#over !== null) return;
    if (StorageChild.#idle.length >= maxIdle) {
      this.dismiss();
      return;
    }
    this.#keepUsAlive(false);
    StorageChild.#idle.push(this);
    this.#idleTimer = setTimeout(() => {
      this.dismiss();
    }, idleMs).unref();
  }

  /** It ends by itself, having nothing more to do. */
  dismiss(): void {
    this.#end(leftAlone);
    this.#keepUsAlive(false);
    this.#process.stdin?.end();
  }

  #keepUsAlive(isAsked: boolean): void {
    clearTimeout(this.#idleTimer);
    for (const part of [
      this.#process,
      this.#process.stdin as Socket | null,
      this.#process.stdout as Socket | null,
    ])
      if (isAsked) part?.ref();
      else part?.unref();
  }

  #end(ended: Ended): void {
    const index = StorageChild.#idle.indexOf(this);
    if (index !== -1) StorageChild.#idle.splice(index, 1);
    this.#over ??= ended;
    this.#ready.resolve(false);
    this.#conversation?.end(this.#over);
    this.#conversation = null;
  }

  #listen(): void {
    const { stdin, stdout } = this.#process;
    stdout?.setEncoding('utf8');
    stdout?.on('data', (text: string) => {
      this.#read(text);
    });
    // One that ends early closes its pipes under our hands; "close" tells the rest.
    stdin?.on('error', () => undefined);
    stdout?.on('error', () => undefined);
    this.#process.on('error', (error) => {
      this.#end(notStarted(error));
    });
    this.#process.on('close', (code, signal) => {
      const detail = `the probe program ended early (${signal ?? `status ${code}`})`;
      this.#end({ kind: 'not_asked', detail });
    });
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    let isDone = false;
    for (const line of lines) {
      const answer = JSON.parse(line) as ChildAnswer;
      if (answer.kind === 'ready') this.#ready.resolve(true);
      else if (answer.kind === 'done') isDone = true;
      else this.#conversation?.answers.push(answer);
    }
    this.#conversation?.hasAnswered();
    if (!isDone) return;
    this.#conversation?.end({ kind: 'done' });
    this.#conversation = null;
  }
}

const leftAlone = { kind: 'not_asked', detail: 'the probe program was dismissed' } as const;

function notStarted(error: Error): Ended {
  return { kind: 'not_asked', detail: `the probe program could not be started: ${error.message}` };
}
