-- People: names that are unique on a server, browsers that are signed in, links that sign one in, and terminals that wait
-- for a yes. Of codes and secrets only keyed hashes are kept.

create unique index users_by_name on users (name);

-- A browser that somebody signed in with.
create table browsers (
    hash text not null primary key,
    user_id text not null references users (id),
    created_at bigint not null,
    expires_at bigint not null
);
create index browsers_by_user on browsers (user_id);
create index browsers_by_end on browsers (expires_at);

-- A link that signs one browser in, once.
create table login_links (
    hash text not null primary key,
    user_id text not null references users (id),
    expires_at bigint not null
);
create index login_links_by_end on login_links (expires_at);

-- A terminal that asked for a key and shows a code.
create table logins (
    device_hash text not null primary key,
    code_hash text not null unique,
    client_name text not null,
    source text,
    state text not null,
    user_id text references users (id),
    created_at bigint not null,
    expires_at bigint not null
);
create index logins_by_end on logins (expires_at);
