/**
 * A TCP relay that lets every byte wait, each way, as a long way through a network does:
 *
 *     node lab/relay.ts TO-PORT MILLISECONDS-EACH-WAY
 *
 * It says on which port it listens. The kernel's own means for that (`tc-netem(8)`) is not in every kernel.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const [toPort = 0, delayMs = 0] = process.argv.slice(2).map(Number);

const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ port: toPort, host: '127.0.0.1', allowHalfOpen: true });
  for (const socket of [near, far]) socket.setNoDelay(true);
  carry(near, far);
  carry(far, near);
});
server.listen(0, () => {
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`);
});

/** Timers of one length fire in the order in which they were set, so the bytes stay in order. */
function carry(from: Socket, to: Socket): void {
  from.on('data', (bytes) => setTimeout(() => to.write(bytes), delayMs));
  from.on('end', () => setTimeout(() => to.end(), delayMs));
  from.on('error', () => to.destroy());
}
