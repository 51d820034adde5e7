/** The tables of a frontier (frontier.ts). One of another version is set aside. */
export const frontierSchema = `
  create table if not exists urls (
    id integer primary key,
    url text not null unique,
    kind text not null,
    state text not null,
    rank integer not null,
    tries integer not null default 0,
    next_ms integer not null default 0,
    status integer,
    because text,
    leads_to text,
    file integer,
    payload_file integer
  ) strict;
  create index if not exists urls_queued on urls (rank, id) where state = 'queued';
  create index if not exists urls_state on urls (state);
  create table if not exists files (id integer primary key, name text not null unique, length integer not null) strict;
  create table if not exists payloads (digest text primary key, url text not null, date text not null, file integer not null) strict, without rowid;
  create temp table taken (id integer primary key);
`;

export const frontierVersion = 2;
