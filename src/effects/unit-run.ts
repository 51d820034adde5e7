/** The end of a run that systemd starts whenever it is asked to: no start that is asked for meanwhile is lost. */
import { serviceNotifier } from './service-notify.ts';
import { askUnit } from './systemd.ts';

/**
 * Runs what a unit of Type=notify is for, once. systemd takes a start of a unit that is starting for done, and keeps one of a unit that
 * is stopping until it has stopped (systemd 252, `service_start()`). So the run counts as starting for as long as it works, and says
 * that it stops before it asks whether something has come since its look: what came before is seen by that question, what comes after
 * it by the next run. Outside of a unit this is the run alone.
 * @param unit the one that runs this
 * @param run gives, at its end, the question whether its last look was overtaken by something
 */
export async function runInUnit(
  environment: NodeJS.ProcessEnv,
  unit: string,
  run: () => Promise<() => Promise<boolean>>,
): Promise<void> {
  const notifier = serviceNotifier(environment);
  let isOvertaken: () => Promise<boolean>;
  try {
    isOvertaken = await run();
  } finally {
    await notifier.ending();
  }
  if (notifier.isService && (await isOvertaken())) await askUnit('start', unit);
}
