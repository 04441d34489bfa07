-- Sessions on show: what woke them, what they used, when; and what their tasks and agents used in all.
alter table sessions add column cause text;
alter table sessions add column cause_by text;
alter table sessions add column chain bigint not null default 0;
alter table sessions add column cached_tokens bigint not null default 0;
alter table sessions add column queued_at bigint;
alter table sessions add column first_token_at bigint;
alter table sessions add column said_bytes bigint not null default 0;
-- Of sessions that are over and whose words are still kept.
create index sessions_to_forget on sessions (ended_at) where said_bytes > 0;

-- How a session used each tool, so that nobody reads a transcript to count.
create table session_tools (
    office_id text not null references offices (id),
    session bigint not null,
    name text not null,
    calls bigint not null,
    failures bigint not null,
    took_ms bigint,
    primary key (office_id, session, name)
);

alter table tasks add column chain bigint not null default 0;
alter table tasks add column queued_at bigint;
alter table tasks add column input_tokens bigint not null default 0;
alter table tasks add column cached_tokens bigint not null default 0;
alter table tasks add column output_tokens bigint not null default 0;
alter table tasks add column cost_micro bigint not null default 0;
-- With everything below.
alter table tasks add column all_input_tokens bigint not null default 0;
alter table tasks add column all_cached_tokens bigint not null default 0;
alter table tasks add column all_output_tokens bigint not null default 0;
alter table tasks add column all_cost_micro bigint not null default 0;

alter table agents add column input_tokens bigint not null default 0;
alter table agents add column cached_tokens bigint not null default 0;
alter table agents add column output_tokens bigint not null default 0;
alter table agents add column cost_micro bigint not null default 0;

-- How many wake-ups among agents led to a message, and how often it was given to a session that then failed.
alter table messages add column chain bigint not null default 0;
alter table messages add column tries bigint not null default 0;
alter table group_messages add column chain bigint not null default 0;
alter table chat_members add column mention_tries bigint not null default 0;
create index messages_by_receiver on messages (office_id, to_agent, id);
