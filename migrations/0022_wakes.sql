-- The newest session of an agent says how far in a chain of wake-ups it is.
create index sessions_by_agent on sessions (office_id, agent_id, number);

-- Why an agent's last session for messages failed, and when the next one may begin.
alter table agents add column reading_error text;
alter table agents add column read_again_at bigint;
create index agents_to_read_again on agents (read_again_at) where read_again_at is not null;
