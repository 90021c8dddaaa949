//! Cuts nested messages out of a protobuf message: what a partial success leaves of a request.

use std::ops::Range;

use super::proto::{Cursor, ProtoError, put_bytes_field};

/// The ranges to cut, collected in ascending order while a request is walked.
#[derive(Clone, Debug, Default)]
pub struct Cuts(Vec<Range<usize>>);

impl Cuts {
    /// Adds a field, tag included; it must not start before the last one ends.
    pub fn add(&mut self, field: Range<usize>) {
        match self.0.last_mut() {
            // Neighbours become one, so that a request of nothing but mistakes takes no memory.
            Some(last) if last.end == field.start => last.end = field.end,
            _ => self.0.push(field),
        }
    }

    /// `message` without the cut fields, `None` if there are none. The fields stand in messages
    /// nested at `path`: each number leads one message deeper.
    ///
    /// # Errors
    /// If `message` is malformed.
    pub fn apply(&self, message: &[u8], path: &[u32]) -> Result<Option<Vec<u8>>, ProtoError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut out = Vec::with_capacity(message.len());
        rebuild(Cursor::new(message), message, path, &mut &self.0[..], &mut out)?;
        Ok(Some(out))
    }
}

/// Copies what `cursor` reads but the cuts; `whole` is the outermost message.
fn rebuild(
    mut cursor: Cursor<'_>,
    whole: &[u8],
    path: &[u32],
    cuts: &mut &[Range<usize>],
    out: &mut Vec<u8>,
) -> Result<(), ProtoError> {
    while let Some((number, value)) = cursor.next()? {
        let field = cursor.field_start()..cursor.offset();
        while let Some((first, rest)) = cuts.split_first()
            && first.end <= field.start
        {
            *cuts = rest;
        }
        let touched = cuts.first().filter(|cut| cut.start < field.end);
        match (touched, path.split_first()) {
            (Some(cut), _) if cut.start <= field.start => {}
            (Some(_), Some((step, deeper))) if *step == number => {
                let mut inner = Vec::with_capacity(field.len());
                rebuild(cursor.nested(value)?, whole, deeper, cuts, &mut inner)?;
                put_bytes_field(out, number, &inner);
            }
            _ => out.extend_from_slice(&whole[field]),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::proto::put_varint_field;

    #[test]
    fn cuts_fields_at_any_depth_and_corrects_the_lengths_round_them() {
        let leaf = |number: u64| {
            let mut out = Vec::new();
            put_varint_field(&mut out, 7, number);
            out
        };
        let group = |numbers: &[u64]| {
            let mut out = leaf(99);
            numbers.iter().for_each(|number| put_bytes_field(&mut out, 2, &leaf(*number)));
            out
        };
        let message = |groups: &[&[u64]]| {
            let mut out = Vec::new();
            groups.iter().for_each(|numbers| put_bytes_field(&mut out, 1, &group(numbers)));
            out
        };
        let all: [&[u64]; 3] = [&[1, 200, 3], &[4], &[5, 600]];
        for (bad, left) in [
            (vec![], [&[1, 200, 3][..], &[4], &[5, 600]]),
            (vec![200], [&[1, 3], &[4], &[5, 600]]),
            (vec![1, 200, 4, 600], [&[3], &[], &[5]]),
            (vec![1, 200, 3, 4, 5, 600], [&[], &[], &[]]),
        ] {
            let body = message(&all);
            let mut cuts = Cuts::default();
            let mut groups = Cursor::new(&body);
            while let Some((_, value)) = groups.next().unwrap() {
                let mut leaves = groups.nested(value).unwrap();
                while let Some((number, value)) = leaves.next().unwrap() {
                    if number == 2 && bad.iter().any(|bad| leaves.bytes(value) == Ok(&leaf(*bad))) {
                        cuts.add(leaves.field_start()..leaves.offset());
                    }
                }
            }
            let kept = cuts.apply(&body, &[1]).unwrap().unwrap_or(body);
            assert_eq!(kept, message(&left), "{bad:?}");
        }
    }
}
