-- Runners of agents that live elsewhere, and state that moves from one agent into another.

-- The newest runner of an agent elsewhere; hosted agents have theirs in `pods`.
create table remote_runners (
    office_id text not null references offices (id),
    agent_id text not null,
    epoch bigint not null,
    boot_id text not null,
    harness text not null,
    started_at bigint not null,
    poll bigint not null default 0,
    poll_session bigint,
    primary key (office_id, agent_id)
);

-- Of a session that such a runner holds: its epoch. `epoch` beside it is that of a pod's.
alter table sessions add column remote_epoch bigint;
create index sessions_settled_elsewhere on sessions (lease_expires_at)
    where state = 'settled' and remote_epoch is not null;

-- A clone that waits for its state, or has it. `report` is what was unpacked, as JSON.
create table transfers (
    office_id text not null references offices (id),
    id text not null,
    agent_id text not null,
    origin text not null,
    caller text not null,
    status text not null,
    report text,
    created_at bigint not null,
    expires_at bigint not null,
    completed_at bigint,
    primary key (office_id, id)
);
create unique index transfers_by_id on transfers (id);
create index transfers_by_agent on transfers (office_id, agent_id);
