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

-- What a task that waits for its budget needs, if it waits for calls under way; null waits for a larger budget.
alter table budget_blocks add column need_micro bigint;

-- The task whose session made a task: its calls count in that one's budget too, wherever it hangs.
alter table tasks add column made_in bigint;
-- What everything that counts in a task's budget cost.
alter table tasks add column budget_cost_micro bigint not null default 0;
update tasks set budget_cost_micro = all_cost_micro;

-- Minutes of a pod that have begun and that nobody has put aside yet.
alter table pods add column begun_minutes bigint not null default 0;
create index pods_begun on pods (office_id, agent_id) where begun_minutes > 0;
