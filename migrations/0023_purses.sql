-- Who hired whom, by id: a name may come round again, and whoever leaves still stands between its hirer and its hires.
alter table agents add column hirer_id text;
update agents set hirer_id = (select h.id from agents h where h.office_id = agents.office_id
    and h.name = agents.spawned_by and h.created_at <= agents.created_at and h.id <> agents.id
    order by h.created_at desc limit 1) where spawned_by is not null;
create index agents_by_hirer on agents (office_id, hirer_id, id) where hirer_id is not null;

-- What agents spent before that was added up.
update agents set cost_micro = coalesce((select sum(c.cost_micro) from llm_calls c
    where c.office_id = agents.office_id and c.agent_id = agents.id), 0);
create index llm_calls_by_agent on llm_calls (office_id, agent_id, settled_at);
