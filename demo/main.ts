/**
 * The demo. As root, with FUSE: a private host in which storage dies in the middle of three crawls, and nobody does anything.
 * Elsewhere: three web sites on this machine, crawled into WARC files by the product's own commands, watched live, and read back.
 * Starts from nothing and leaves nothing behind.
 *
 *   script/demo [--here] [--keep]
 */
import { parseArgs, styleText } from 'node:util';
import { labUnavailable } from '../lab/requirements.ts';
import { NoHostError } from './lab-host.ts';
import { recoverFromDeadStorage } from './recovery-story.ts';
import { crawlThreeSites } from './story.ts';
import { Stage } from './stage.ts';

const USAGE = `usage: script/demo [--here] [--keep]

As root, where FUSE is: boots a private host with a storage box, breaks the box's mount in the middle of three
crawls, and shows how it comes back. About a minute.

  --here   without that host: crawls three small web sites on this machine into WARC files, and reads every record
           back. About half a minute; needs no root and nothing from outside this machine
  --keep   with --here: leave the archive and its database for a closer look, and say where they are
`;

async function main(): Promise<number> {
  let keep: boolean;
  let isHere: boolean;
  try {
    const { values } = parseArgs({
      options: {
        here: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      process.stdout.write(USAGE);
      return 0;
    }
    keep = values.keep;
    isHere = values.here || keep;
  } catch {
    process.stderr.write(USAGE);
    return 2;
  }
  const stage = new Stage({ keep });
  try {
    return (await play(stage, isHere)) ? 0 : 1;
  } catch (error) {
    if (!stage.isInterrupted) {
      process.stderr.write(`\n${styleText('red', String(error instanceof Error ? error.message : error))}\n`);
    }
    return 1;
  } finally {
    await stage.clear();
    if (stage.isInterrupted) process.exitCode = 130;
  }
}

/** The story that can be played here. */
async function play(stage: Stage, isHere: boolean): Promise<boolean> {
  if (isHere) return await crawlThreeSites(stage);
  const why = labUnavailable(['journalctl']);
  if (why === false) {
    try {
      return await recoverFromDeadStorage(stage);
    } catch (error) {
      if (!(error instanceof NoHostError)) throw error;
      stage.say(
        `\nStorage that dies and comes back is shown in a private host, and ${error.message}.\nInstead:\n`,
      );
    }
  } else stage.say(`Storage that dies and comes back is shown in a private host: ${why}.\nInstead:\n`);
  return await crawlThreeSites(stage);
}

const status = await main();
process.exitCode ??= status;
