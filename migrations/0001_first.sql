-- Offices and everything in them. Portable subset: the same text for SQLite and PostgreSQL.
-- Times are milliseconds since 1970, ids 32 hex digits, JSON text, booleans 0/1, money micro-credits.

create table server_state (
    key text not null primary key,
    value text not null
);

create table users (
    id text not null primary key,
    name text not null,
    created_at bigint not null
);

create table api_keys (
    hash text not null primary key,
    user_id text not null references users (id),
    name text not null,
    prefix text not null,
    created_at bigint not null,
    expires_at bigint,
    revoked_at bigint
);

-- One row an office, read and written by each of its acts: its counters live here, so that nothing ever counts rows.
create table offices (
    id text not null primary key,
    name text not null,
    owner_id text not null references users (id),
    status text not null,
    settings text not null,
    created_at bigint not null,
    event_seq bigint not null default 0,
    event_mac text not null default '',
    task_seq bigint not null default 0,
    session_seq bigint not null default 0,
    row_seq bigint not null default 0,
    agent_count bigint not null default 0,
    tasks_queued bigint not null default 0,
    tasks_claimed bigint not null default 0,
    tasks_running bigint not null default 0,
    tasks_blocked bigint not null default 0,
    tasks_done bigint not null default 0,
    tasks_failed bigint not null default 0,
    tasks_cancelled bigint not null default 0,
    balance_micro bigint not null default 0,
    pod_uid bigint
);
create unique index offices_by_pod_uid on offices (pod_uid) where pod_uid is not null;
create index offices_by_owner on offices (owner_id, created_at);

create table credits_ledger (
    office_id text not null references offices (id),
    id bigint not null,
    amount_micro bigint not null,
    balance_after_micro bigint not null,
    reason text not null,
    created_at bigint not null,
    primary key (office_id, id)
);

-- Written in the transaction of the act they record; `mac` chains each event to the one before.
create table events (
    office_id text not null references offices (id),
    seq bigint not null,
    category text not null,
    type text not null,
    actor text not null,
    agent text,
    task_id bigint,
    summary text not null,
    data text not null,
    created_at bigint not null,
    prev text not null,
    mac text not null,
    primary key (office_id, seq)
);
create index events_by_agent on events (office_id, agent, seq);

create table idempotency (
    caller text not null,
    route text not null,
    key text not null,
    body_sha256 text not null,
    status bigint not null,
    answer text not null,
    created_at bigint not null,
    primary key (caller, route, key)
);
create index idempotency_by_age on idempotency (created_at);

create table agents (
    office_id text not null references offices (id),
    id text not null,
    name text not null,
    role text,
    model_tier text,
    model_provider text,
    harness text not null,
    command text,
    skills text not null,
    system_prompt text,
    integrations text not null,
    resources text not null,
    kind text not null,
    spawned_by text,
    created_at bigint not null,
    last_seen_at bigint,
    live_sessions bigint not null default 0,
    fired_at bigint,
    primary key (office_id, id)
);
create unique index agents_by_name on agents (office_id, name) where fired_at is null;
create index agents_by_age on agents (office_id, created_at);

-- What an agent's pod should be and what it was last seen to be; only the pods' sweep acts on it.
create table pods (
    office_id text not null references offices (id),
    agent_id text not null,
    desired text not null,
    observed text not null,
    epoch bigint not null default 0,
    ticket_at bigint,
    boot_id text,
    runner_seen_at bigint,
    poll bigint not null default 0,
    poll_session bigint,
    started_at bigint,
    retry_at bigint,
    crashes bigint not null default 0,
    crashed_before_at bigint,
    last_error text,
    last_error_at bigint,
    primary key (office_id, agent_id)
);
create index pods_by_state on pods (desired, observed);

create table env_vars (
    office_id text not null references offices (id),
    agent_id text not null,
    key text not null,
    sealed text not null,
    created_at bigint not null,
    primary key (office_id, agent_id, key)
);

create table tasks (
    office_id text not null references offices (id),
    id bigint not null,
    parent_id bigint,
    depth bigint not null default 0,
    title text not null,
    description text,
    kind text not null,
    priority bigint not null,
    status text not null,
    assigned_agent text,
    claimed_by text,
    session bigint,
    created_by text not null,
    depends_on text,
    required_tools text not null,
    result text,
    error text,
    blocked_kind text,
    blocked_reason text,
    attempts bigint not null default 0,
    max_attempts bigint not null,
    verification text not null,
    rejections bigint not null default 0,
    split_rounds bigint not null default 0,
    agent_retries bigint not null default 0,
    subtask_count bigint not null default 0,
    open_subtasks bigint not null default 0,
    open_dependencies bigint not null default 0,
    ready bigint not null default 0,
    not_before bigint,
    created_at bigint not null,
    updated_at bigint not null,
    started_at bigint,
    completed_at bigint,
    primary key (office_id, id)
);
create index tasks_ready_assigned on tasks (office_id, assigned_agent, priority, id) where ready = 1;
create index tasks_by_parent on tasks (office_id, parent_id, id);
create index tasks_by_status on tasks (office_id, status, id);
create index tasks_backing_off on tasks (not_before) where ready = 1 and not_before is not null;

create table task_dependencies (
    office_id text not null,
    task_id bigint not null,
    depends_on bigint not null,
    primary key (office_id, task_id, depends_on)
);
create index task_dependents on task_dependencies (office_id, depends_on, task_id);

create table task_logs (
    office_id text not null,
    task_id bigint not null,
    id bigint not null,
    agent text not null,
    event text,
    message text not null,
    session bigint,
    attempt bigint,
    created_at bigint not null,
    primary key (office_id, task_id, id)
);

create table task_comments (
    office_id text not null,
    task_id bigint not null,
    id bigint not null,
    agent text not null,
    message text not null,
    created_at bigint not null,
    primary key (office_id, task_id, id)
);

create table task_artifacts (
    office_id text not null,
    task_id bigint not null,
    id bigint not null,
    kind text not null,
    path text not null,
    label text,
    sha256 text not null,
    size bigint not null,
    created_by text not null,
    session bigint,
    created_at bigint not null,
    primary key (office_id, task_id, id)
);

create table task_results (
    office_id text not null,
    task_id bigint not null,
    id bigint not null,
    session bigint,
    by_agent text not null,
    status text not null,
    text text not null,
    late bigint not null,
    created_at bigint not null,
    primary key (office_id, task_id, id)
);

-- A claim, an attempt and a session are one row; its number is the fencing token.
create table sessions (
    office_id text not null references offices (id),
    number bigint not null,
    agent_id text not null,
    agent text not null,
    task_id bigint,
    attempt bigint,
    state text not null,
    epoch bigint,
    harness text not null,
    provider text,
    model text,
    lease_expires_at bigint,
    deadline_at bigint,
    events_next bigint not null default 0,
    messages_up_to bigint,
    exit text,
    summary text,
    input_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    cost_micro bigint not null default 0,
    started_at bigint not null,
    ended_at bigint,
    primary key (office_id, number)
);
create index sessions_by_lease on sessions (lease_expires_at) where state = 'live';
create index sessions_live_by_agent on sessions (office_id, agent_id, number) where state = 'live';
create index sessions_by_task on sessions (office_id, task_id, number);

create table session_items (
    office_id text not null,
    session bigint not null,
    n bigint not null,
    kind text not null,
    text text not null,
    created_at bigint not null,
    primary key (office_id, session, n)
);

create table drive_files (
    office_id text not null references offices (id),
    name text not null,
    size bigint not null,
    sha256 text not null,
    modified_at bigint not null,
    mark text not null,
    primary key (office_id, name)
);

create table drive_changes (
    office_id text not null references offices (id),
    seq bigint not null,
    type text not null,
    name text not null,
    at bigint not null,
    primary key (office_id, seq)
);
create index drive_changes_by_time on drive_changes (office_id, at);

create table messages (
    office_id text not null references offices (id),
    id bigint not null,
    from_agent text not null,
    to_agent text not null,
    body text not null,
    session bigint,
    created_at bigint not null,
    read_at bigint,
    primary key (office_id, id)
);
create index messages_unread on messages (office_id, to_agent, id) where read_at is null;

create table llm_calls (
    office_id text not null references offices (id),
    id bigint not null,
    session bigint not null,
    agent text not null,
    task_id bigint,
    provider text not null,
    model text not null,
    state text not null,
    status bigint,
    input_tokens bigint not null default 0,
    cached_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    cost_micro bigint not null default 0,
    created_at bigint not null,
    settled_at bigint,
    primary key (office_id, id)
);
