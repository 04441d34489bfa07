-- Identity: keys with a scope and an end, people and their roles, keys of agents, and signed requests already seen.

alter table users add column password_hash text;

alter table api_keys add column id text;
alter table api_keys add column scoped bigint not null default 0;
alter table api_keys add column last_used_at bigint;
update api_keys set id = substr(hash, 1, 32);
create unique index api_keys_by_id on api_keys (id);
create index api_keys_by_user on api_keys (user_id, created_at);

-- The offices that a scoped key opens; a scoped key without any opens nothing.
create table api_key_offices (
    office_id text not null references offices (id),
    key_id text not null,
    primary key (office_id, key_id)
);
create index api_key_offices_by_key on api_key_offices (key_id);

-- Colleagues of the owner, who stands in the office's own row.
create table members (
    office_id text not null references offices (id),
    user_id text not null references users (id),
    role text not null,
    added_by text not null,
    created_at bigint not null,
    primary key (office_id, user_id)
);
create index members_by_user on members (user_id, office_id);

-- How an agent is known when it comes by itself: a public key for signatures, or a key whose hash stands here.
-- `sealed` is the private key of a hosted agent, for which the server signs.
create table agent_keys (
    office_id text not null references offices (id),
    id text not null,
    agent_id text not null,
    kind text not null,
    public_key text,
    address text,
    sealed text,
    hash text,
    prefix text,
    created_at bigint not null,
    last_used_at bigint,
    revoked_at bigint,
    primary key (office_id, id)
);
create unique index agent_keys_by_hash on agent_keys (hash) where hash is not null;
create index agent_keys_by_agent on agent_keys (office_id, agent_id, created_at);
create index agent_keys_by_agent_alone on agent_keys (agent_id) where revoked_at is null;

-- Nonces of signed requests that changed something, kept as long as their signatures count.
create table nonces (
    office_id text not null references offices (id),
    agent_id text not null,
    nonce text not null,
    expires_at bigint not null,
    primary key (office_id, agent_id, nonce)
);
create index nonces_by_end on nonces (expires_at);
