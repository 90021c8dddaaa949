//! The `watchgate` command.

fn main() {}
