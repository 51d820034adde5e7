/**
 * The demo: three web sites on this machine, crawled into WARC files by the product's own commands, watched live, and
 * read back. Starts from nothing and leaves nothing behind.
 *
 *   script/demo [--keep]
 */
import { parseArgs, styleText } from 'node:util';
import { crawlThreeSites } from './story.ts';
import { Stage } from './stage.ts';

const USAGE = `usage: script/demo [--keep]

Crawls three small web sites on this machine into WARC files, and reads every record back. About half a minute;
needs no root and nothing from outside this machine.

  --keep   leave the archive and its database for a closer look, and say where they are
`;

async function main(): Promise<number> {
  let keep: boolean;
  try {
    const { values } = parseArgs({
      options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help === true) {
      process.stdout.write(USAGE);
      return 0;
    }
    keep = values.keep;
  } catch {
    process.stderr.write(USAGE);
    return 2;
  }
  const stage = new Stage({ keep });
  try {
    return (await crawlThreeSites(stage)) ? 0 : 1;
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

const status = await main();
process.exitCode ??= status;
