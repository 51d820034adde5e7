/** A database of the Python original: tables as SQLAlchemy makes them, and a job of each kind. */

/** @param root its jobs root */
export function statementsOfOriginal(kind: 'sqlite' | 'postgres', root: string): string[] {
  return [...schemaOf(kind), ...rows(kind, root)];
}

/** As its models say: `DateTime(timezone=True)`, `JSON`, `Boolean`, `BigInteger`. */
function schemaOf(kind: 'sqlite' | 'postgres'): string[] {
  const [key, moment, json, boolean] =
    kind === 'sqlite'
      ? ['INTEGER NOT NULL PRIMARY KEY', 'DATETIME', 'JSON', 'BOOLEAN']
      : ['SERIAL PRIMARY KEY', 'TIMESTAMP WITH TIME ZONE', 'JSON', 'BOOLEAN'];
  const stamps = `created_at ${moment}, updated_at ${moment}`;
  return [
    `CREATE TABLE sources (id ${key}, code VARCHAR(50) NOT NULL UNIQUE, name VARCHAR(255), base_url VARCHAR(500), description TEXT,
       enabled ${boolean} NOT NULL, owner VARCHAR(255), ${stamps})`,
    `CREATE TABLE archive_jobs (id ${key}, source_id INTEGER REFERENCES sources (id), name VARCHAR(255) NOT NULL,
       output_dir VARCHAR(1000) NOT NULL, status VARCHAR(50) NOT NULL, queued_at ${moment}, started_at ${moment}, finished_at ${moment},
       retry_count INTEGER NOT NULL, config ${json}, crawler_exit_code INTEGER, crawler_status VARCHAR(50), crawler_stage VARCHAR(50),
       last_stats_json ${json}, pages_crawled INTEGER, pages_total INTEGER, pages_failed INTEGER, warc_file_count INTEGER NOT NULL,
       warc_bytes_total BIGINT NOT NULL, final_zim_path VARCHAR(1000), combined_log_path VARCHAR(1000), state_file_path VARCHAR(1000), ${stamps})`,
  ];
}

export const annual = {
  seeds: ['https://www.canada.ca/en/health-canada.html'],
  campaign_kind: 'annual',
  campaign_year: 2026,
  tool_options: { initial_workers: 2, cleanup: false },
  zimit_passthrough_args: ['--pageLimit', '0'],
};

function rows(kind: 'sqlite' | 'postgres', root: string): string[] {
  const yes = kind === 'sqlite' ? '1' : 'true';
  const no = kind === 'sqlite' ? '0' : 'false';
  const at = kind === 'sqlite' ? '2026-01-24 10:00:00.123456' : '2026-01-24 10:00:00.123456+00';
  const job = (
    id: number,
    source: number | 'NULL',
    name: string,
    status: string,
    more: Record<string, string> = {},
  ) => {
    const all: Record<string, string> = {
      id: String(id),
      source_id: String(source),
      name: `'${name}'`,
      output_dir: `'${root}/${name}'`,
      status: `'${status}'`,
      retry_count: '1',
      warc_file_count: '0',
      warc_bytes_total: '0',
      created_at: `'${at}'`,
      queued_at: `'${at}'`,
      ...more,
    };
    return `INSERT INTO archive_jobs (${Object.keys(all).join(', ')}) VALUES (${Object.values(all).join(', ')})`;
  };
  const config = `'${JSON.stringify(annual)}'`;
  return [
    `INSERT INTO sources (id, code, name, base_url, enabled) VALUES (1, 'hc', 'Health Canada', NULL, ${yes})`,
    `INSERT INTO sources (id, code, name, base_url, enabled) VALUES (2, 'phac', 'Public Health', 'https://phac.example/', ${no})`,
    job(3, 1, 'hc-20250101', 'index_failed', {
      crawler_status: `'success'`,
      started_at: `'${at}'`,
      finished_at: `'${at}'`,
      pages_crawled: '40',
      pages_failed: '2',
      warc_file_count: '5',
      warc_bytes_total: '5000000000',
      final_zim_path: `'/srv/zim/hc.zim'`,
    }),
    job(6, 1, 'hc-20260101', 'retryable', {
      config,
      crawler_status: `'infra_error'`,
      started_at: `'${at}'`,
      crawler_exit_code: '1',
    }),
    job(7, 2, 'phac-20250101', 'completed', { started_at: `'${at}'`, finished_at: `'${at}'` }),
    job(8, 1, 'hc-running', 'running', { started_at: `'${at}'` }),
    job(9, 'NULL', 'nobody', 'queued'),
  ];
}
