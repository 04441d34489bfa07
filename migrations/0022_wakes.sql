-- The newest session of an agent says how far in a chain of wake-ups it is.
create index sessions_by_agent on sessions (office_id, agent_id, number);
