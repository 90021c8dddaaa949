//! The dispatcher's state as rows of the database: one a group, one an entry of the log.

use crate::alert::saved::{SavedEntry, SavedGroup, State};
use crate::store::{Row, StoreError};

const GROUP: &str = "group ";
const LOG: &str = "log ";

/// The rows of `state`.
///
/// # Errors
/// Never for a state that a dispatcher made.
pub fn encode(state: &State) -> Result<Vec<Row>, StoreError> {
    let group = |group: &SavedGroup| Row::encode(format!("{GROUP}{}\n{}", group.receiver, group.key), group);
    let entry = |entry: &SavedEntry| Row::encode(format!("{LOG}{}", entry.key), entry);
    state.groups.iter().map(group).chain(state.log.iter().map(entry)).collect()
}

/// The state in `rows`, and which rows could not be read: without a row its group starts anew.
#[must_use]
pub fn decode(rows: &[Row]) -> (State, Vec<StoreError>) {
    let mut state = State::default();
    let mut unread = Vec::new();
    for row in rows {
        let read = if row.key.starts_with(GROUP) {
            row.decode().map(|group| state.groups.push(group))
        } else {
            row.decode().map(|entry| state.log.push(entry))
        };
        unread.extend(read.err());
    }
    (state, unread)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::decision::Content;
    use crate::alert::log::Entry;

    #[test]
    fn state_is_read_back_without_what_is_damaged() {
        let group = |key: &str| SavedGroup { receiver: "r".into(), key: key.into(), next_flush: 7, alerts: vec![] };
        let content = Content { firing: [u64::MAX].into(), resolved: [1].into() };
        let entry = SavedEntry { key: "{}:{}:r/webhook/0".into(), entry: Entry::new(content, 1, 2) };
        let state = State { groups: vec![group("a"), group("b")], log: vec![entry] };
        let mut rows = encode(&state).expect("rows");
        assert_eq!(decode(&rows), (state.clone(), vec![]));
        rows[0].body.truncate(5);
        let (rest, unread) = decode(&rows);
        assert_eq!((rest.groups, rest.log), (vec![group("b")], state.log));
        assert!(unread[0].to_string().starts_with("row `group r\na` cannot be read"), "{}", unread[0]);
    }
}
