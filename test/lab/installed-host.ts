/** A server that was installed by the commands of the install page, with a storage box and a site to crawl. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bootBareHost, CHECKOUT } from '../../lab/bare-host.ts';
import { BoxServer, SERVED_FOLDER, SFTP_USER } from '../../lab/box-server.ts';
import type { RunResult } from '../../lab/command.ts';
import type { Host } from '../../lab/host.ts';
import { connect } from '../../lab/network.ts';
import { REPOSITORY } from '../../lab/release-repository.ts';
import { BOX_NAME } from '../../lab/storage-box.ts';

const docs = join(import.meta.dirname, '../../docs');
const SITE_PORT = 8001;
export const SITE = `http://127.0.0.1:${SITE_PORT}/en/`;
const BOX_SIZE_BYTES = 64 * 1024 ** 2;
const KEY = '/etc/healtharchive/storagebox_key.pub';

export interface InstalledHost {
  readonly host: Host;
  readonly box: BoxServer;
  close(): Promise<void>;
}

export interface PageRun {
  readonly command: string;
  readonly result: RunResult;
}

/** The commands of a page, one after another: what stands in its `sh` blocks, with lines that go on joined. */
export function commandsOf(page: string): string[] {
  const text = readFileSync(join(docs, page), 'utf8');
  const blocks = [...text.matchAll(/^( *)```sh\n(.*?)^\1```$/gms)].map(([, , block = '']) => block);
  const commands = blocks.flatMap((block) =>
    block
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  );
  assert.ok(commands.length > 0, `${page} has commands`);
  return commands;
}

/** What no lab host has: packages from the network, a repository, the box's and the site's real names. */
const needsNetwork = /^apt-get |^git clone |git pull /;
function asInLab(command: string): string {
  return (
    command
      .replaceAll(
        'u123456@u123456.your-storagebox.de:healtharchive',
        `${SFTP_USER}@${BOX_NAME}:${SERVED_FOLDER}`,
      )
      .replaceAll('u123456.your-storagebox.de', BOX_NAME)
      .replaceAll(`--from ${CHECKOUT}`, `--from ${REPOSITORY}`)
      .replaceAll('--seed https://www.example.org/', `--seed ${SITE} --wait-seconds 0`)
      // A root that closes what it makes must not close what others need.
      .replace(/(?=\S*healtharchive ops install --apply$)/, 'umask 077; ')
  );
}

/**
 * Runs a page as a person would, as root. A command of ours may end with 3 (there is something to do, or to look at); everything else succeeds.
 * @param after what happens after a command: other people's part
 */
export async function runPage(
  host: Host,
  page: string,
  after: (command: string) => Promise<void> = () => Promise.resolve(),
): Promise<PageRun[]> {
  const runs: PageRun[] = [];
  for (const command of commandsOf(page)) {
    if (needsNetwork.test(command)) continue;
    const result = await host.run(['bash', '-c', asInLab(command)], { timeoutMs: 120_000 });
    const mayBeAttention = /\b(ops|storage|worker|deploy|import-legacy) /.test(command);
    const isRight = result.status === 0 || (mayBeAttention && result.status === 3);
    assert.ok(
      isRight,
      `${page}: ${command}\nended with ${result.status}\n${result.stdout}\n${result.stderr}`,
    );
    runs.push({ command, result });
    await after(command);
  }
  return runs;
}

/** A box that knows nobody yet, its cable, and a site; then the install page. */
export async function installedHost(name = 'bare'): Promise<InstalledHost> {
  const host = await bootBareHost(name);
  let box: BoxServer | undefined;
  const close = async (): Promise<void> => {
    await host.close();
    await box?.close();
  };
  try {
    const site = [`${CHECKOUT}/node_modules/.bin/node`, `${CHECKOUT}/lab/site.ts`];
    host.start([...site, '--pages', '60', '--port', String(SITE_PORT), '--delay-ms', '100']);
    await runPage(host, 'deployment/install.md', async (command) => {
      if (!command.startsWith('ssh-keygen -q')) return;
      // The provider's part: the key is put on the box.
      box = new BoxServer(`${name}-box`, BOX_SIZE_BYTES, (await host.readFile(KEY)).trim());
      await box.powerOn();
      await connect(
        { machine: host, interface: 'box', address: '10.77.0.1/24' },
        { machine: box, interface: 'host', address: '10.77.0.2/24' },
      );
      await host.runOk(`echo '10.77.0.2 ${BOX_NAME}' >>/etc/hosts`);
    });
    assert.ok(box !== undefined);
    return { host, box, close };
  } catch (error) {
    await close();
    throw error;
  }
}
