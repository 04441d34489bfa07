-- When tasks may begin, when they should be finished, and schedules that create them again and again.

-- `not_before` stays what claims look at: the later of the two below.
alter table tasks add column backoff_until bigint;
alter table tasks add column wanted_not_before bigint;
update tasks set backoff_until = not_before where not_before is not null;

-- A missed deadline is marked once, with what the task was waiting for.
alter table tasks add column deadline_at bigint;
alter table tasks add column late_at bigint;
alter table tasks add column late_code text;
alter table tasks add column late_message text;
create index tasks_by_deadline on tasks (deadline_at)
    where deadline_at is not null and late_at is null and completed_at is null;

-- `next_at` is the first moment that has had no run; it moves on in the transaction that creates the task.
create table schedules (
    office_id text not null references offices (id),
    id bigint not null,
    name text not null,
    rhythm text not null,
    timezone text not null,
    template text not null,
    deadline_seconds bigint,
    catch_up text not null,
    overlap text not null,
    paused bigint not null default 0,
    anchor_at bigint not null,
    next_at bigint,
    runs bigint not null default 0,
    last_run_at bigint,
    last_task bigint,
    last_outcome text,
    last_error text,
    created_at bigint not null,
    updated_at bigint not null,
    primary key (office_id, id)
);
create unique index schedules_by_name on schedules (office_id, name);
create index schedules_due on schedules (next_at) where next_at is not null and paused = 0;
