-- Names beside numbers, for those who declare tasks: most tasks have none.

alter table tasks add column name text;
create unique index tasks_by_name on tasks (office_id, name) where name is not null;
