-- What offices know of the catalogue's integrations. Who may use one stands with the agent.

create table integrations (
    office_id text not null references offices (id),
    integration text not null,
    raw_keys bigint not null default 0,
    updated_at bigint not null,
    primary key (office_id, integration)
);

create table integration_secrets (
    office_id text not null references offices (id),
    integration text not null,
    key text not null,
    sealed text not null,
    created_at bigint not null,
    primary key (office_id, integration, key)
);

-- One for each agent and integration: asking again renews it.
create table integration_requests (
    office_id text not null references offices (id),
    integration text not null,
    agent_id text not null,
    id bigint not null,
    agent text not null,
    reason text not null,
    task_id bigint,
    created_at bigint not null,
    resolved_at bigint,
    primary key (office_id, integration, agent_id)
);

-- The integration without which a blocked task can't go on.
alter table tasks add column blocked_integration text;
create index tasks_blocked_on on tasks (office_id, blocked_integration) where blocked_integration is not null;
