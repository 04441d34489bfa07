-- What is left of pruned events, and who is told of new ones.

-- Where an office's chain begins since older events were pruned; `tag` is keyed, so that nobody else can write one.
create table event_checkpoints (
    office_id text not null references offices (id),
    seq bigint not null,
    mac text not null,
    tag text not null,
    created_at bigint not null,
    primary key (office_id)
);

create table webhooks (
    office_id text not null references offices (id),
    id bigint not null,
    url text not null,
    patterns text not null,
    secret_sealed text not null,
    status text not null,
    reason text,
    cursor_seq bigint not null,
    given_up_in_a_row bigint not null default 0,
    delivery_seq bigint not null default 0,
    created_at bigint not null,
    primary key (office_id, id)
);
create index webhooks_active on webhooks (office_id, id) where status = 'active';

-- One row a delivery: what became of telling one webhook of one event, or of a test (`event_seq` null).
create table webhook_deliveries (
    office_id text not null references offices (id),
    webhook_id bigint not null,
    n bigint not null,
    event_seq bigint,
    event_type text not null,
    cause text not null,
    state text not null,
    attempts bigint not null default 0,
    next_at bigint,
    status bigint,
    error text,
    duration_ms bigint,
    created_at bigint not null,
    ended_at bigint,
    primary key (office_id, webhook_id, n)
);
create index webhook_deliveries_pending on webhook_deliveries (office_id, webhook_id, n) where state = 'pending';
