-- Invites, applications to offices that want to be asked, and whether an agent elsewhere was last told to be there.

create table invites (
    office_id text not null references offices (id),
    id bigint not null,
    code_hash text not null,
    kind text not null,
    role text,
    for_whom text,
    created_by text not null,
    created_at bigint not null,
    expires_at bigint not null,
    used_at bigint,
    used_by text,
    revoked_at bigint,
    primary key (office_id, id)
);
-- A code that nobody can use any more may be made again.
create unique index invites_by_code on invites (code_hash) where used_at is null and revoked_at is null;

-- Codes of offices that were deleted, until they would have expired: whoever has one is told so.
create table orphaned_invites (
    code_hash text not null primary key,
    expires_at bigint not null
);

create table applications (
    office_id text not null references offices (id),
    id bigint not null,
    token_hash text not null,
    kind text not null,
    role text,
    name text not null,
    statement text not null,
    capabilities text not null,
    model text,
    public_key text,
    source text,
    state text not null,
    subject_id text,
    created_at bigint not null,
    expires_at bigint not null,
    decided_at bigint,
    decided_by text,
    reason text,
    primary key (office_id, id)
);
create unique index applications_by_token on applications (token_hash);
create index applications_by_state on applications (office_id, state, id);

-- What events last said of an agent elsewhere.
alter table agents add column said_online bigint not null default 0;
create index agents_elsewhere on agents (said_online, last_seen_at) where kind = 'external' and fired_at is null;
