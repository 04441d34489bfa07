-- Groups in which the people of an office talk: one in which everybody is, and further ones.

create table chat_groups (
    office_id text not null references offices (id),
    id text not null,
    name text not null,
    kind text not null,
    created_by text not null,
    created_at bigint not null,
    primary key (office_id, id)
);
create unique index chat_groups_of_everybody on chat_groups (office_id) where kind = 'office';

-- How far each member has read, and the newest message that mentions it: that one wakes it, others don't.
create table chat_members (
    office_id text not null references offices (id),
    group_id text not null,
    name text not null,
    joined_at bigint not null,
    read_up_to bigint not null,
    mentioned_up_to bigint not null default 0,
    primary key (office_id, group_id, name)
);
create index chat_members_by_name on chat_members (office_id, name);

create table group_messages (
    office_id text not null references offices (id),
    id bigint not null,
    group_id text not null,
    from_agent text not null,
    body text not null,
    session bigint,
    created_at bigint not null,
    primary key (office_id, id)
);
create index group_messages_in_order on group_messages (office_id, group_id, id);

create index messages_by_pair on messages (office_id, from_agent, to_agent, id);

-- Offices that were there before: their group has their own id, which is as unique.
insert into chat_groups (office_id, id, name, kind, created_by, created_at)
    select id, id, 'office', 'office', 'system', created_at from offices;
insert into chat_members (office_id, group_id, name, joined_at, read_up_to)
    select id, id, 'owner', created_at, row_seq from offices;
insert into chat_members (office_id, group_id, name, joined_at, read_up_to)
    select a.office_id, a.office_id, a.name, a.created_at, o.row_seq
    from agents a join offices o on o.id = a.office_id where a.fired_at is null;
