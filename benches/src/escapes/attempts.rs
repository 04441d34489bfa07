//! The attempts: what each tries, and the script that tries it. A new one is a row in one of these lists.

mod alone;
mod files;
mod kernel;
mod network;
mod office;
mod processes;

/// One try to get out, or to take more than one's share.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    pub name: &'static str,
    pub tries: &'static str,
    /// Run by bash after `prelude.sh`; exit 0 means that it got through. `@SYS_name@` becomes the number of that call.
    pub script: &'static str,
    pub setting: Setting,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// One after the other, in one session of one agent.
    Together,
    /// In a pod of its own, hired with these resources.
    Alone { resources: &'static str },
    /// As before; and it got through only if it still writes to the drive when its agent has been fired.
    Outliving,
}

pub fn all() -> impl Iterator<Item = Attempt> {
    let lists = [files::LIST, kernel::LIST, processes::LIST, network::LIST, office::LIST, alone::LIST];
    lists.into_iter().flatten().copied()
}

const fn together(name: &'static str, tries: &'static str, script: &'static str) -> Attempt {
    Attempt { name, tries, script, setting: Setting::Together }
}
