import { CompiledQuery, type Compilable } from 'kysely';
import type { DatabaseKind, Reading } from './database.ts';

/** Stands for a value that is given at each run. */
class Slot {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

interface Compiled {
  readonly sql: string;
  /** Slots, and values that are always the same. */
  readonly parameters: readonly unknown[];
}

const statements = new Map<string, Compiled>();

/** By their texts, the names under which PostgreSQL keeps the plans of these statements. */
const names = new Map<string, string>();

/** The name of a statement that runCompiled has built; none of others, whose texts have no end. */
export function preparedName(sql: string): string | undefined {
  return names.get(sql);
}

/** What the builder of a statement takes for the value of that name. */
type SlotFor<V> = <K extends keyof V & string>(name: K) => V[K];

/**
 * Runs a statement that is built once and then only given other values: to put its text together takes longer than SQLite needs to carry
 * it out, and to plan it longer than PostgreSQL needs. There the plan does not know the values (after the fifth time, see PREPARE): what
 * decides the plan is written into the text.
 * @param key names its text: what is built may depend on nothing else
 */
export async function runCompiled<Row, V extends object>(
  db: Reading,
  kind: DatabaseKind,
  key: string,
  values: V,
  build: (slot: SlotFor<V>) => Compilable,
): Promise<Row[]> {
  const name = `${kind} ${key}`;
  let compiled = statements.get(name);
  if (compiled === undefined) {
    const { sql, parameters } = build((slot) => new Slot(slot) as never).compile();
    compiled = { sql, parameters };
    statements.set(name, compiled);
    if (kind === 'postgres') names.set(sql, `healtharchive_${names.size + 1}`);
  }
  const given = values as Readonly<Record<string, unknown>>;
  const parameters = compiled.parameters.map((each) => (each instanceof Slot ? given[each.name] : each));
  const { rows } = await db.executeQuery<Row>(CompiledQuery.raw(compiled.sql, [...parameters]));
  return rows;
}
