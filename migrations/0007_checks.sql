-- Completion checks: what a task states, when it is to be checked, and what was found.

create table task_checks (
    office_id text not null,
    task_id bigint not null,
    position bigint not null,
    spec text not null,
    primary key (office_id, task_id, position)
);

-- A completion that is to be checked. `open` until it is judged (`passed`, `failed`) or overtaken (`dropped`).
create table check_rounds (
    office_id text not null,
    task_id bigint not null,
    generation bigint not null,
    state text not null,
    tries bigint not null default 0,
    due_at bigint not null,
    delay text,
    created_at bigint not null,
    ended_at bigint,
    primary key (office_id, task_id, generation)
);
create index check_rounds_due on check_rounds (due_at) where state = 'open';

create table check_runs (
    office_id text not null,
    task_id bigint not null,
    generation bigint not null,
    position bigint not null,
    spec text not null,
    verdict text not null,
    detail text not null,
    exit_code bigint,
    output text,
    duration_ms bigint not null,
    finished_at bigint not null,
    primary key (office_id, task_id, generation, position)
);
