/**
 * Live progress: in a terminal one line for each crawl that stays in place, elsewhere (a log, CI) a plain line for
 * each crawl now and then, and when it changes its state.
 */
import { styleText } from 'node:util';
import { cut, formatBytes, formatSeconds, marks } from './text.ts';

export interface CrawlView {
  readonly label: string;
  readonly state: 'waiting' | 'running' | 'done' | 'failed';
  readonly pages: number;
  /** Pages that a complete crawl has: what the bar is measured by. */
  readonly expectedPages: number;
  readonly bytes: number;
  readonly seconds: number;
  /** What it is doing: the current address, or why it does not go on. */
  readonly note: string;
}

export interface ProgressDisplay {
  show(crawls: readonly CrawlView[]): void;
  /** A line that stays, above the crawls. */
  tell(line: string): void;
  /** Leaves the last state standing. */
  end(): void;
}

const BAR_WIDTH = 16;
const PLAIN_INTERVAL_SECONDS = 5;
const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_TO_END_OF_SCREEN = '\u001b[J';
const CLEAR_TO_END_OF_LINE = '\u001b[K';

export function progressDisplay(output: NodeJS.WriteStream): ProgressDisplay {
  return output.isTTY ? new LiveDisplay(output) : new PlainDisplay(output);
}

class LiveDisplay implements ProgressDisplay {
  readonly #output: NodeJS.WriteStream;
  #linesUp = 0;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
    output.write(HIDE_CURSOR);
  }

  show(crawls: readonly CrawlView[]): void {
    const lines = crawls.map((crawl) => liveLine(crawl, this.#output.columns) + CLEAR_TO_END_OF_LINE);
    const back = this.#linesUp === 0 ? '' : `\u001b[${this.#linesUp}A\r`;
    this.#output.write(`${back}${lines.join('\n')}\n`);
    this.#linesUp = lines.length;
  }

  tell(line: string): void {
    const back = this.#linesUp === 0 ? '' : `\u001b[${this.#linesUp}A\r`;
    this.#output.write(`${back}${CLEAR_TO_END_OF_SCREEN}${line}\n`);
    this.#linesUp = 0;
  }

  end(): void {
    this.#output.write(SHOW_CURSOR);
  }
}

class PlainDisplay implements ProgressDisplay {
  readonly #output: NodeJS.WriteStream;
  readonly #last = new Map<string, { state: CrawlView['state']; seconds: number }>();

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  show(crawls: readonly CrawlView[]): void {
    for (const crawl of crawls) {
      const last = this.#last.get(crawl.label) ?? { state: 'waiting', seconds: 0 };
      const isDue = crawl.state === 'running' && crawl.seconds - last.seconds >= PLAIN_INTERVAL_SECONDS;
      if (crawl.state === last.state && !isDue) continue;
      this.#last.set(crawl.label, { state: crawl.state, seconds: crawl.seconds });
      this.#output.write(`  ${crawl.label.padEnd(5)} ${crawl.state.padEnd(7)} ${numbers(crawl)}\n`);
    }
  }

  tell(line: string): void {
    this.#output.write(`${line}\n`);
  }

  end(): void {
    // every line was complete
  }
}

function liveLine(crawl: CrawlView, columns: number): string {
  const start = `  ${crawl.label.padEnd(5)} ${bar(crawl)} ${numbers(crawl)}  `;
  // One column stays free: a full line would wrap, and the next drawing would miss its place.
  const room = columns - 1 - (start.length - (bar(crawl).length - BAR_WIDTH));
  const note = cut(crawl.note, Math.max(0, room));
  return start + styleText(crawl.state === 'failed' ? 'red' : 'dim', note);
}

function bar({ state, pages, expectedPages }: CrawlView): string {
  const share = state === 'done' ? 1 : Math.min(1, pages / Math.max(1, expectedPages));
  const full = Math.floor(share * BAR_WIDTH);
  const color = state === 'failed' ? 'red' : state === 'done' ? 'green' : 'cyan';
  return styleText(color, marks.full.repeat(full)) + styleText('dim', marks.empty.repeat(BAR_WIDTH - full));
}

function numbers({ pages, expectedPages, bytes, seconds }: CrawlView): string {
  const rate = seconds > 0 ? pages / seconds : 0;
  return [
    `${pages}/${expectedPages} pages`.padStart(13),
    formatBytes(bytes).padStart(8),
    `${rate.toFixed(1)}/s`.padStart(7),
    formatSeconds(seconds).padStart(7),
  ].join('  ');
}
