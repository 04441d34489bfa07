-- Late results, judgements, blocks that end by themselves, reviews that the server asks for.

-- What a claim reported after it was lost: kept until an operator accepts or drops it.
create table late_results (
    office_id text not null references offices (id),
    task_id bigint not null,
    id bigint not null,
    session bigint not null,
    attempt bigint,
    agent text not null,
    status text not null,
    text text not null,
    state text not null,
    decided_by text,
    decided_at bigint,
    created_at bigint not null,
    primary key (office_id, task_id, id)
);

-- Every acceptance and rejection, with the session whose work it judged.
create table task_reviews (
    office_id text not null references offices (id),
    task_id bigint not null,
    id bigint not null,
    session bigint,
    reviewer text not null,
    accepted bigint not null,
    comments text,
    created_at bigint not null,
    primary key (office_id, task_id, id)
);

-- When a block by quota ends; which done task a review is about.
alter table tasks add column blocked_until bigint;
alter table tasks add column verifies bigint;
create index tasks_blocked_until on tasks (blocked_until) where status = 'blocked' and blocked_until is not null;
create index tasks_by_verifies on tasks (office_id, verifies, id) where verifies is not null;

-- When the claimer last said something about its task: mere heartbeats keep a lease only so long.
alter table sessions add column worked_at bigint;
