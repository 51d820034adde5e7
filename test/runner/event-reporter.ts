/** A reporter for `node --test`: each event that matters as one line of JSON (see outcome.ts, which reads them). */
import { inspect } from 'node:util';
import type { TestEvent as NodeTestEvent } from 'node:test/reporters';
import type { TestEvent } from './outcome.ts';

export default async function* eventReporter(source: AsyncIterable<NodeTestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const plain = plainEvent(event);
    if (plain !== null) yield `${JSON.stringify(plain)}\n`;
  }
}

function plainEvent(event: NodeTestEvent): TestEvent | null {
  switch (event.type) {
    case 'test:complete': {
      const { name, nesting, file = '', details, skip, todo } = event.data;
      const { error } = details;
      return {
        kind: 'complete',
        // The file that node was given; a test that is made elsewhere has another `file`.
        entry: entryOf(event.data) ?? file,
        isEntryItself: nesting === 0 && entryOf(event.data) === undefined,
        name,
        isSuite: details.type === 'suite',
        seconds: details.duration_ms / 1000,
        skip: reason(skip, 'no reason given') ?? reason(todo, 'todo'),
        failure:
          details.passed || error === undefined
            ? null
            : { type: failureType(error), text: inspect(error.cause) },
      };
    }
    case 'test:stdout':
    case 'test:stderr':
      return { kind: 'output', entry: event.data.file, text: event.data.message };
    case 'test:diagnostic':
      return event.data.file === undefined
        ? null
        : { kind: 'output', entry: entryOf(event.data) ?? event.data.file, text: `${event.data.message}\n` };
    default:
      return null;
  }
}

/** Not in the types of Node 24. */
function entryOf(data: object): string | undefined {
  return (data as { entryFile?: string }).entryFile;
}

function failureType(error: object): string {
  return (error as { failureType?: string }).failureType ?? 'unknown';
}

function reason(mark: string | boolean | undefined, otherwise: string): string | null {
  if (mark === undefined || mark === false) return null;
  return typeof mark === 'string' && mark !== '' ? mark : otherwise;
}
