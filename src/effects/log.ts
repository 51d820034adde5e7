import { writeSync } from 'node:fs';
import { escapeForTerminal } from '../core/text/escape.ts';

export type LogLevel = 'error' | 'warning' | 'notice' | 'info';
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void;

/** syslog(3) priorities, which journald reads from the beginning of a line (sd-daemon(3)). */
const priority: Record<LogLevel, number> = { error: 3, warning: 4, notice: 5, info: 6 };

function fieldText(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value);
  const escaped = escapeForTerminal(value);
  return /^[^\s"=]+$/.test(escaped) ? escaped : `"${escaped.replaceAll('"', '\\"')}"`;
}

/** One line, logfmt: the message, then `key=value` pairs; everything from outside is escaped. */
export function formatLogLine(message: string, fields: LogFields): string {
  const pairs = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${fieldText(value)}`],
  );
  return [escapeForTerminal(message), ...pairs].join(' ');
}

/** Writes to standard error: for the journal with a priority and without a time (it adds its own), else with the time. */
export function standardErrorLog(environment: NodeJS.ProcessEnv): Log {
  const isJournal = environment['JOURNAL_STREAM'] !== undefined;
  return (level, message, fields = {}) => {
    const line = formatLogLine(message, fields);
    const head = isJournal ? `<${priority[level]}>` : `${new Date().toISOString()} ${level.padEnd(7)} `;
    try {
      writeSync(2, `${head}${line}\n`);
    } catch {
      // A closed or full standard error must not take the worker down.
    }
  };
}
