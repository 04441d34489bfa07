//! Routes of the catalogue of roles and skills.

use mi_core::roles::{RoleTemplate, Skill, roles, skills};

use crate::house::House;
use crate::infra::act::Answer;
use crate::infra::caller::Access;
use crate::infra::fault::Fault;
use crate::infra::http::{Call, Operation, Reply, get};

pub fn operations() -> Vec<Operation> {
    vec![
        get("roles.list", "/api/v1/roles", Access::Open, "The templates that an agent's role may name")
            .lists::<RoleTemplate>()
            .run(list_roles),
        get("skills.list", "/api/v1/skills", Access::Open, "The skills that an agent may be given, with their pages")
            .lists::<Skill>()
            .run(list_skills),
    ]
}

async fn list_roles(_: House, _: Call) -> Result<Reply, Fault> {
    whole(roles())
}

async fn list_skills(_: House, _: Call) -> Result<Reply, Fault> {
    whole(skills())
}

fn whole<T: serde::Serialize>(all: &[T]) -> Result<Reply, Fault> {
    Ok(Answer::list(all, all.len() as i64)?.into())
}
