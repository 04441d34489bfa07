-- Money that is put aside, who waits for money, budgets, and what was used on which day.
alter table offices add column held_micro bigint not null default 0;
alter table credits_ledger add column kind text not null default 'added';

alter table llm_calls add column agent_id text not null default '';
alter table llm_calls add column written_tokens bigint not null default 0;
-- The most that the call may cost; it counts while the call is reserved.
alter table llm_calls add column held_micro bigint not null default 0;
-- What it cost beyond that: nobody pays it.
alter table llm_calls add column uncollected_micro bigint not null default 0;
alter table llm_calls add column estimated bigint not null default 0;
alter table llm_calls add column default_price bigint not null default 0;
create index llm_calls_open on llm_calls (office_id, id) where state = 'reserved';

alter table agents add column suspended_at bigint;
alter table agents add column suspended_for text;
-- What the call that was refused may have cost.
alter table agents add column suspended_need_micro bigint not null default 0;
create index agents_suspended on agents (office_id, suspended_at) where suspended_at is not null;

-- Time of pods: until when it is reckoned, and what is owed for it that the ledger doesn't say yet.
alter table pods add column paid_until bigint;
alter table pods add column owed_micro bigint not null default 0;
alter table pods add column owed_since bigint;
create index pods_owing on pods (office_id, agent_id) where owed_since is not null;

-- A budget: of an agent (by its id) or of a task with all its subtasks (by its number).
create table purses (
    office_id text not null references offices (id),
    kind text not null,
    subject text not null,
    total_micro bigint,
    day_micro bigint,
    spent_micro bigint not null default 0,
    held_micro bigint not null default 0,
    day bigint not null default 0,
    day_spent_micro bigint not null default 0,
    primary key (office_id, kind, subject)
);

-- Tasks that wait for a larger budget: of themselves or of a task above them.
create table budget_blocks (
    office_id text not null references offices (id),
    task_id bigint not null,
    budget_of bigint not null,
    primary key (office_id, task_id)
);
create index budget_blocks_by_budget on budget_blocks (office_id, budget_of, task_id);

-- Sums, so that no view adds up single calls. A task of 0 is none. Days are counted from 1970, in UTC.
create table usage_days (
    office_id text not null references offices (id),
    day bigint not null,
    kind text not null,
    agent text not null,
    task_id bigint not null,
    provider text not null,
    model text not null,
    calls bigint not null default 0,
    input_tokens bigint not null default 0,
    cached_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    cost_micro bigint not null default 0,
    minutes bigint not null default 0,
    cpu_millis_minutes bigint not null default 0,
    memory_mib_minutes bigint not null default 0,
    primary key (office_id, day, kind, agent, task_id, provider, model)
);
create index usage_days_by_task on usage_days (office_id, task_id, day);
create index usage_days_by_agent on usage_days (office_id, agent, day);

insert into usage_days (office_id, day, kind, agent, task_id, provider, model, calls, input_tokens, cached_tokens,
    output_tokens, cost_micro)
    select office_id, created_at / 86400000, 'model', agent, coalesce(task_id, 0), provider, model, count(*),
    cast(sum(input_tokens) as bigint), cast(sum(cached_tokens) as bigint), cast(sum(output_tokens) as bigint),
    cast(sum(cost_micro) as bigint) from llm_calls
    group by office_id, created_at / 86400000, agent, coalesce(task_id, 0), provider, model;
