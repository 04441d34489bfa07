-- Agents that rest: their pods sleep, and are looked at only when there is work.
alter table pods add column idle_since bigint;
drop index pods_by_state;
create index pods_awake on pods (office_id, agent_id) where desired = 'running' or observed <> 'none';
-- Whoever winds down is not free yet.
create index sessions_winding_down on sessions (office_id, agent_id) where state in ('settled', 'lapsed');
create index pods_asleep on pods (office_id, agent_id) where desired = 'asleep';
create index agents_spawned on agents (office_id, id) where spawned_by is not null and fired_at is null;

-- A workspace as it was in one moment; the archive itself is a file of the server's.
create table backups (
    office_id text not null references offices (id),
    id text not null,
    agent text not null,
    agent_id text not null,
    cause text not null,
    files bigint not null,
    bytes bigint not null,
    size bigint not null,
    skipped bigint not null,
    sha256 text not null,
    created_at bigint not null,
    primary key (office_id, id)
);
create index backups_by_agent on backups (office_id, agent_id, created_at);
create index backups_by_name on backups (office_id, agent, created_at);

-- When the workspace of somebody who left was removed.
alter table pods add column cleared_at bigint;
create index pods_leaving on pods (office_id, agent_id)
    where desired = 'gone' and observed = 'none' and cleared_at is null;
