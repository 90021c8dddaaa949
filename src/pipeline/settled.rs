//! Which dead letters are done with: stretches of their journal, in a small text file beside it.
//!
//! ```text
//! watchgate settled 1
//! 1:64 3:4096
//! ```
//! A stretch goes from [`Frame::position`] to [`Frame::next`]; those that touch are one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::journal::{Frame, Position};

const HEAD: &str = "watchgate settled 1";

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled {
    path: PathBuf,
    ranges: BTreeMap<Position, Position>,
}

impl Settled {
    /// What the file at `path` says; nothing if there is none.
    ///
    /// # Errors
    /// If it cannot be read or is of another kind.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let mut settled = Self { path: path.to_owned(), ranges: BTreeMap::new() };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(settled),
            text => text?,
        };
        let mut lines = text.lines();
        let ranges =
            lines.next().filter(|head| *head == HEAD).and_then(|_| lines.map(range).collect::<Option<Vec<_>>>());
        let damaged = || io::Error::other(format!("{} is damaged, remove it to see all letters again", path.display()));
        for (from, to) in ranges.ok_or_else(damaged)? {
            settled.add(from, to);
        }
        Ok(settled)
    }

    /// Whether `frame` is done with.
    pub(super) fn contains(&self, frame: &Frame) -> bool {
        let begin = Position::new(frame.next.sequence, frame.offset);
        self.ranges.range(..=begin).next_back().is_some_and(|(_, to)| frame.next <= *to)
    }

    /// Notes that everything in `from..to` is done with.
    pub(super) fn add(&mut self, mut from: Position, mut to: Position) {
        let touching = self.ranges.range(..=to).rev().take_while(|(_, end)| **end >= from);
        let touching: Vec<(Position, Position)> = touching.map(|(from, to)| (*from, *to)).collect();
        for (begin, end) in touching {
            self.ranges.remove(&begin);
            (from, to) = (from.min(begin), to.max(end));
        }
        self.ranges.insert(from, to);
    }

    /// Up to where everything from `head` on is done with.
    pub(super) fn until(&self, head: Position) -> Position {
        let first = self.ranges.range(..=head).next_back();
        first.map_or(head, |(_, to)| (*to).max(head))
    }

    /// Forgets what is gone before `head`.
    pub(super) fn forget(&mut self, head: Position) {
        self.ranges.retain(|_, to| *to > head);
    }

    /// Writes the file anew; the old one stays until the new one is on disk.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(super) fn save(&self) -> io::Result<()> {
        let mut text = format!("{HEAD}\n");
        self.ranges.iter().for_each(|(from, to)| text.push_str(&format!("{from} {to}\n")));
        let fresh = self.path.with_extension("new");
        let mut file = File::create(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)
    }
}

fn range(line: &str) -> Option<(Position, Position)> {
    let (from, to) = line.split_once(' ')?;
    Some((position(from)?, position(to)?))
}

fn position(text: &str) -> Option<Position> {
    let (sequence, offset) = text.split_once(':')?;
    Some(Position::new(sequence.parse().ok()?, offset.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_touch_are_one_and_survive() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("logs.settled");
        let at = |offset| Position::new(1, offset);
        let mut settled = Settled::open(&path).expect("none is empty");
        for (from, to) in [(30, 40), (0, 10), (50, 60), (10, 20)] {
            settled.add(at(from), at(to));
        }
        assert_eq!(settled.until(at(0)), at(20));
        settled.save().expect("a disk");
        let mut again = Settled::open(&path).expect("intact");
        assert_eq!(again.ranges, settled.ranges);
        again.add(at(20), at(30));
        assert_eq!((again.until(at(0)), again.ranges.len()), (at(40), 2));
        again.forget(at(45));
        assert_eq!(again.until(at(45)), at(45));
        fs::write(&path, "else\n").expect("a disk");
        assert!(Settled::open(&path).is_err());
    }
}
