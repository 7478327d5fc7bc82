"""The tables of a journal."""

APPLICATION = 0x554E4453
"""`application_id` of a journal: "UNDS"."""
FORMAT = 2
"""`user_version`: journals of other formats are refused. Format 1 had none."""

SCHEMA = """
create table effects (
    id integer primary key, key blob not null unique, origin integer not null, task text not null,
    draw integer not null, head integer, parent integer, shared integer not null,
    chain blob not null, request blob not null, reply blob not null, text text not null,
    checksum integer not null);
create table origins (
    id integer primary key, attempt integer not null, kind text not null, step text not null,
    scope text not null, role text not null, model text not null, source text not null);
create table heads (id integer primary key, body blob not null);
create table rows (
    id integer primary key, step text not null, task text not null, ordinal integer not null,
    kind text not null, reason text not null, position blob not null, attempt integer not null,
    content blob not null, body blob not null, checksum integer not null,
    unique (step, task, ordinal));
create index rows_by_reason on rows (step, kind, reason);
create table blobs (sha256 text primary key, media_type text not null, bytes blob not null);
create table totals (
    attempt integer not null, step text not null, role text not null, model text not null,
    sent integer not null, reused integer not null, tokens_in integer not null,
    tokens_out integer not null, cached integer not null, reasoning integer not null,
    cost real not null, unpriced integer not null,
    primary key (attempt, step, role, model)) without rowid;
create table attempts (
    id integer primary key, started text not null, ended text, status text,
    uid blob not null unique default (randomblob(16)));
"""
