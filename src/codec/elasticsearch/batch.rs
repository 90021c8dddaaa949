//! A `_bulk` request being built: one buffer of NDJSON, and where in it each item is.

use std::borrow::Cow;
use std::ops::Range;

use crate::codec::bulk::action;
use crate::codec::bulk::json::Token;

/// One item of a [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchItem {
    /// The caller's number for the frame it is from.
    pub frame: u32,
    /// Its ordinal among the frame's items.
    pub ordinal: u32,
    /// Where its lines end in the body; they start where the previous item's end.
    end: usize,
}

/// A request body under construction, reused from one request to the next.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    body: Vec<u8>,
    items: Vec<BatchItem>,
}

impl Batch {
    /// Forgets all items; the memory stays.
    pub fn clear(&mut self) {
        self.body.clear();
        self.items.clear();
    }

    /// The request's body: an action line and a source line for each item.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no item.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The items in order.
    #[must_use]
    pub fn items(&self) -> &[BatchItem] {
        &self.items
    }

    /// Where item `at` stands in the body.
    #[must_use]
    pub fn range(&self, at: usize) -> Range<usize> {
        let start = if at == 0 { 0 } else { self.items[at - 1].end };
        start..self.items[at].end
    }

    /// Both lines of item `at`: what a dead letter keeps.
    #[must_use]
    pub fn lines(&self, at: usize) -> &[u8] {
        &self.body[self.range(at)]
    }

    /// The index or data stream that item `at` goes to.
    #[must_use]
    pub fn index(&self, at: usize) -> Cow<'_, str> {
        let parsed = action::parse(self.lines(at), at, usize::MAX);
        parsed.ok().flatten().and_then(|(action, _)| action.index).map_or(Cow::Borrowed(""), Token::text)
    }

    /// Keeps the items that `wanted` says, in place: those that are to be tried again.
    pub fn retain(&mut self, mut wanted: impl FnMut(usize, &BatchItem) -> bool) {
        let (mut kept, mut kept_end, mut start) = (0, 0, 0);
        for at in 0..self.items.len() {
            let item = self.items[at];
            if wanted(at, &item) {
                self.body.copy_within(start..item.end, kept_end);
                kept_end += item.end - start;
                self.items[kept] = BatchItem { end: kept_end, ..item };
                kept += 1;
            }
            start = item.end;
        }
        self.items.truncate(kept);
        self.body.truncate(kept_end);
    }

    /// Appends item `at` of `other`.
    pub fn push_from(&mut self, other: &Self, at: usize) {
        self.body.extend_from_slice(other.lines(at));
        self.items.push(BatchItem { end: self.body.len(), ..other.items[at] });
    }

    /// Moves the second half of the items (by count) to the empty batch `rest`: what is done when the
    /// store finds a request too large, or blames it as a whole.
    pub fn split(&mut self, rest: &mut Self) {
        rest.clear();
        let half = self.items.len().div_ceil(2);
        for at in half..self.items.len() {
            rest.push_from(self, at);
        }
        self.items.truncate(half);
        self.body.truncate(self.items.last().map_or(0, |item| item.end));
    }

    /// The buffer, to append one item's lines to; [`Batch::finish`] makes them an item.
    pub(super) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.body
    }

    pub(super) fn finish(&mut self, frame: u32, ordinal: u32) {
        self.items.push(BatchItem { frame, ordinal, end: self.body.len() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(indices: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for (at, index) in indices.iter().enumerate() {
            let lines = format!("{{\"create\":{{\"_index\":\"{index}\"}}}}\n{{\"n\":{at}}}\n");
            batch.buffer().extend_from_slice(lines.as_bytes());
            batch.finish(7, at as u32);
        }
        batch
    }

    fn indices(batch: &Batch) -> Vec<String> {
        assert_eq!(batch.body().iter().filter(|byte| **byte == b'\n').count(), batch.len() * 2);
        (0..batch.len()).map(|at| batch.index(at).into_owned()).collect()
    }

    #[test]
    fn items_can_be_kept_split_and_read_one_by_one() {
        let mut all = batch(&["a", "bb", "ccc", "d", "e"]);
        assert_eq!(all.lines(1), b"{\"create\":{\"_index\":\"bb\"}}\n{\"n\":1}\n");
        let mut rest = Batch::default();
        all.split(&mut rest);
        assert_eq!(
            (indices(&all), indices(&rest)),
            (vec!["a".into(), "bb".into(), "ccc".into()], vec!["d".into(), "e".into()])
        );
        all.retain(|at, item| at != 1 && item.frame == 7);
        assert_eq!(indices(&all), ["a", "ccc"]);
        assert_eq!(all.items()[1].ordinal, 2);
        all.retain(|_, _| false);
        assert!(all.is_empty() && all.body().is_empty());
    }
}
