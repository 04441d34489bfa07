//! `NAME`, `--colony COLONY NAME` and `COLONY NAME`: the forms in which the guide names a thing.

use std::fmt::Display;
use std::str::FromStr;

use clap::Args;

use crate::args::ColonyArg;
use crate::fault::Fault;

/// A thing of a colony, named by one word or by two.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// What it is about, perhaps after its colony
    #[arg(num_args = 1..=2, required = true, value_names = ["[COLONY] NAME"])]
    words: Vec<String>,
    #[command(flatten)]
    flag: ColonyArg,
}

/// A task of a colony, named by one word or by two.
#[derive(Debug, Clone, Args)]
pub struct TaskTarget {
    /// The task's number, perhaps after its colony
    #[arg(num_args = 1..=2, required = true, value_names = ["[COLONY] TASK"])]
    words: Vec<String>,
    #[command(flatten)]
    flag: ColonyArg,
}

/// The colony, if one was named, and the thing.
pub struct Found<T> {
    pub colony: Option<String>,
    pub thing: T,
}

impl Target {
    pub fn read<T: FromStr<Err: Display>>(&self) -> Result<Found<T>, Fault> {
        read(&self.words, &self.flag)
    }
}

impl TaskTarget {
    pub fn read<T: FromStr<Err: Display>>(&self) -> Result<Found<T>, Fault> {
        read(&self.words, &self.flag)
    }
}

fn read<T: FromStr<Err: Display>>(words: &[String], flag: &ColonyArg) -> Result<Found<T>, Fault> {
    let (colony, name) = match (words, &flag.colony) {
        ([name], colony) => (colony.clone(), name),
        ([colony, name], None) => (Some(colony.clone()), name),
        _ => return Err(Fault::usage("the colony is named twice", "leave --colony or the first word out")),
    };
    let thing = name.parse().map_err(|fault: T::Err| Fault::usage(fault.to_string(), "the last word names it"))?;
    Ok(Found { colony, thing })
}
