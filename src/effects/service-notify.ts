import { runCommand } from './command.ts';

/** Tells the service manager how the service is doing (sd_notify(3)); does nothing outside of a service. */
export interface ServiceNotifier {
  /** Whether a manager listens. */
  readonly isService: boolean;
  /** How often the manager wants to hear from us, in milliseconds; null: it does not. */
  readonly watchdogMs: number | null;
  ready(status: string): Promise<void>;
  status(text: string): Promise<void>;
  /** The main loop has come round: the service is alive. */
  alive(): Promise<void>;
  /** Start-up takes longer, and is not stuck. */
  stillStarting(status: string, extraMs: number): Promise<void>;
  stopping(status: string): Promise<void>;
  /** All it was started for is done, and it is about to end by itself. When this returns, the manager knows. */
  ending(): Promise<void>;
}

const deadlineMs = 5000;

/**
 * Speaks through `systemd-notify`, because Node has no datagram sockets of the unix kind. The message then comes from a
 * child, so the unit needs `NotifyAccess=all`.
 *
 * The variables are taken out of `environment`, so that no other child inherits them: `podman run` would announce its
 * container's process as the service's main process (MAINPID=), and the service would end with the first crawl.
 */
export function serviceNotifier(environment: NodeJS.ProcessEnv): ServiceNotifier {
  const socket = environment['NOTIFY_SOCKET'];
  const watchdogUsec = Number(environment['WATCHDOG_USEC']);
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'])
    Reflect.deleteProperty(environment, name);
  const send = async (...words: string[]): Promise<void> => {
    if (socket === undefined) return;
    await runCommand(['systemd-notify', ...words.map(oneLine)], {
      deadlineMs,
      env: { NOTIFY_SOCKET: socket },
    });
  };
  return {
    isService: socket !== undefined,
    watchdogMs: watchdogUsec > 0 ? watchdogUsec / 1000 : null,
    ready: async (status) => {
      await send('READY=1', `STATUS=${status}`);
    },
    status: async (text) => {
      await send(`STATUS=${text}`);
    },
    alive: async () => {
      await send('WATCHDOG=1');
    },
    stillStarting: async (status, extraMs) => {
      await send(`EXTEND_TIMEOUT_USEC=${extraMs * 1000}`, `STATUS=${status}`);
    },
    stopping: async (status) => {
      await send('STOPPING=1', `STATUS=${status}`);
    },
    ending: async () => {
      // Each on its own: of both in one message systemd 252 heeds neither.
      await send('READY=1');
      await send('STOPPING=1');
    },
  };
}

/** A line break would begin another assignment. */
function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}
