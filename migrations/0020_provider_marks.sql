-- What providers of models said of an office's key: not now, or not with this one.
create table provider_marks (
    office_id text not null references offices (id),
    provider text not null,
    -- Until then no call is sent. Stays until the sweep has woken those who waited.
    parked_until bigint,
    -- Pauses in a row for which the provider named no time.
    pauses bigint not null default 0,
    -- Refusals of the key in a row.
    refusals bigint not null default 0,
    updated_at bigint not null,
    primary key (office_id, provider)
);
create index provider_marks_parked on provider_marks (parked_until) where parked_until is not null;
