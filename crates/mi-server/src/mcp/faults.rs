//! The refusals that only `/mcp` meets.

use mi_core::ids::excerpt;
use mi_core::problem::Code;

use crate::infra::fault::Fault;

pub fn foreign_origin(origin: &str) -> Fault {
    Fault::new(Code::ForeignOrigin, format!("a page of {} may not use this address", excerpt(origin)))
        .hint("programs send no Origin; browsers may come from this machine only")
}

pub fn which_office(count: usize) -> Fault {
    Fault::new(Code::BadRequest, format!("you have {count} colonies and the call names none"))
        .hint("give `colony`, by id or name; or add ?colony=… to the address of this server")
}

pub fn no_office_named(named: &str) -> Fault {
    Fault::new(Code::NoSuchOffice, format!("there is no colony {:?}", excerpt(named)))
        .hint("mi colonies list shows yours; name it by its id where two have the same name")
}
