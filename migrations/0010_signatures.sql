-- One key, one agent: in an office a live public key belongs to one agent, and an agent has one.
create unique index agent_keys_by_public_key on agent_keys (office_id, public_key)
    where public_key is not null and revoked_at is null;
create unique index agent_keys_public_of_agent on agent_keys (office_id, agent_id)
    where kind = 'public' and revoked_at is null;
create index agent_keys_public on agent_keys (agent_id, created_at) where kind = 'public';
create index agents_named on agents (name, office_id);
