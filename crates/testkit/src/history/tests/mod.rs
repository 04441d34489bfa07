//! Every rule on histories of a few lines: one that may have happened, and ones that may not.

mod kept;
mod spans;
mod story;
mod tale;
