/** One connection to a server, plain or TLS: what comes over it is given as it came. */
import { lookup } from 'node:dns/promises';
import { connect as connectPlain, isIP, type Socket } from 'node:net';

/** How far an exchange had come when the network failed. */
export type NetworkPhase = 'resolve' | 'connect' | 'secure' | 'send' | 'answer';

/** Not the fault of an address: the name, the way or the server. */
export class NetworkError extends Error {
  readonly phase: NetworkPhase;
  readonly code: string;

  constructor(phase: NetworkPhase, code: string) {
    super(`${phase}: ${code}`);
    this.phase = phase;
    this.code = code;
  }
}

export interface Opened {
  readonly socket: Socket;
  /** Of the server. */
  readonly address: string;
}

/** @throws NetworkError */
export async function openConnection(url: URL, timeoutMs: number): Promise<Opened> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port) || (isSecure ? 443 : 80);
  // Loaded by who needs it: it takes half as long as all the rest of the program.
  const tls = isSecure ? await import('node:tls') : null;
  const deadline = AbortSignal.timeout(timeoutMs);
  const addresses = await resolve(host, deadline);
  let last = new NetworkError('connect', 'ENOTFOUND');
  for (const address of addresses) {
    try {
      const plain = await settled(
        connectPlain({ host: address, port, noDelay: true }),
        'connect',
        'connect',
        deadline,
      );
      if (tls === null) return { socket: plain, address };
      // A name is sent, an address is not (RFC 6066).
      const name = isIP(host) === 0 ? { servername: host } : {};
      const secure = tls.connect({ socket: plain, ALPNProtocols: ['http/1.1'], ...name });
      return { socket: await settled(secure, 'secureConnect', 'secure', deadline), address };
    } catch (error) {
      if (!(error instanceof NetworkError)) throw error;
      last = error;
      // A certificate is the same at every address.
      if (error.phase === 'secure') break;
    }
  }
  throw last;
}

async function resolve(host: string, deadline: AbortSignal): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  try {
    const found = await withDeadline(lookup(host, { all: true }), deadline);
    return found.map(({ address }) => address);
  } catch (error) {
    throw new NetworkError('resolve', codeOf(error));
  }
}

async function withDeadline<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  return await new Promise<T>((resolvePromise, reject) => {
    deadline.addEventListener('abort', () => {
      reject(new NetworkError('resolve', 'ETIMEDOUT'));
    });
    work.then(resolvePromise, reject);
  });
}

async function settled<S extends Socket>(
  socket: S,
  event: 'connect' | 'secureConnect',
  phase: NetworkPhase,
  deadline: AbortSignal,
): Promise<S> {
  try {
    await new Promise<void>((resolvePromise, reject) => {
      socket.once(event, () => {
        resolvePromise();
      });
      socket.once('error', reject);
      socket.once('close', () => {
        reject(new NetworkError(phase, 'ECONNRESET'));
      });
      deadline.addEventListener('abort', () => {
        reject(new NetworkError(phase, 'ETIMEDOUT'));
      });
    });
    socket.removeAllListeners('error');
    socket.removeAllListeners('close');
    // Whoever has it listens for its own errors; one that comes while nobody does is seen at its next use.
    socket.on('error', () => undefined);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error instanceof NetworkError ? error : new NetworkError(phase, codeOf(error));
  }
}

export function codeOf(error: unknown): string {
  if (error instanceof NetworkError) return error.code;
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.message.slice(0, 80) : String(error);
}
